"""Checkpoints, proofs and evidence over HTTP, from a service at work."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx
import pytest

from adapters.postgres.database import connected
from adapters.sealing.signing import KeyFiles, verify_ed25519
from adapters.sealing.standing import SealStopped
from api.compose import composed, sealer_of
from api.groundwork import prepare
from api.workshop import examination, write_copy_anew
from domain.audit.files import EvidenceRefused
from domain.audit.notes import VerifierKey, opened, parse_checkpoint, parse_key, parse_proof
from domain.audit.tree import extends, includes
from domain.audit.verifying import Verified, verify_evidence
from domain.examination import Finding, Verdict
from tests.api.conftest import Api

ADD = {"type": "add_column", "params": {"name": "email", "dataType": "utf8", "nullable": True}}


def trusted(api: Api) -> list[VerifierKey]:
    """As an auditor would have them: from somewhere else than the service."""
    return KeyFiles(api.settings.seal_key_file).known()


def sealed_migration(api: Api) -> tuple[str, dict[str, Any]]:
    table = api.new_table()
    accepted = api.migrate(table, ADD).json()
    assert api.finished(accepted["operationId"])["status"] == "completed"
    return table, accepted


def asked(api: Api, target: str) -> httpx.Response:
    path, _, query = target.partition("?")
    return api.get(path, **dict(parse_qsl(query)))


def evidence(api: Api, **query: str) -> Verified:
    answer = api.get("/audit/evidence", **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-tar"
    assert "attachment" in answer.headers["content-disposition"]
    return verify_evidence(io.BytesIO(answer.content), trusted(api), verify_ed25519)


def test_a_migration_is_proven_from_end_to_end(api: Api) -> None:
    table, accepted = sealed_migration(api)
    migrations = api.get(f"/dataset-tables/{table}/migrations").json()["migrations"]

    of_table = evidence(api, tableId=table)
    assert of_table.scope == f"table {table}"
    of_operation = evidence(api, operationId=accepted["operationId"])
    of_migration = evidence(api, migrationId=migrations[0]["migrationId"])
    whole = evidence(api, **{"from": "2020-01-01T00:00:00Z"})
    assert whole.events >= api.events()
    assert whole.events >= of_table.events > of_operation.events > 2
    assert of_migration.events >= 2

    note = api.get("/audit/checkpoint").text
    text, by = opened(note, trusted(api), verify_ed25519)
    checkpoint = parse_checkpoint(text)
    assert by == tuple(trusted(api))
    assert api.get("/audit/keys").json() == {"keys": [str(key) for key in by], "rotations": []}

    proven = api.get("/audit/proof", position=2).json()
    assert (proven["position"], proven["index"]) == (2, 1)
    last = api.get("/audit/checkpoints", pageSize=1).json()["checkpoints"][0]
    path = [bytes.fromhex(node) for node in proven["path"]]
    root = bytes.fromhex(last["rootHash"])
    assert last["treeSize"] >= checkpoint.size
    assert proven["treeSize"] == last["treeSize"]
    assert includes(1, proven["treeSize"], bytes.fromhex(proven["leafHash"]), path, root)
    assert parse_proof(proven["proof"]).checkpoint == last["note"]

    first = api.get("/audit/checkpoints", pageSize=200).json()["checkpoints"][-1]
    found = api.get("/audit/consistency", **{"from": first["treeSize"], "to": last["treeSize"]}).json()
    steps = [bytes.fromhex(node) for node in found["path"]]
    assert extends(first["treeSize"], last["treeSize"], bytes.fromhex(first["rootHash"]), root, steps)
    assert found["toCheckpoint"] == last["note"]


def test_evidence_of_one_table_does_not_speak_of_another(api: Api) -> None:
    first, _ = sealed_migration(api)
    second = api.new_table("others")
    assert evidence(api, tableId=second).events == 1
    stranger = parse_key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    answer = api.get("/audit/evidence", tableId=first)
    with pytest.raises(EvidenceRefused, match="nobody whose key is known"):
        verify_evidence(io.BytesIO(answer.content), [stranger], verify_ed25519)


def test_before_anything_was_sealed_it_says_so(idle_api: Api) -> None:
    for path in ("/audit/checkpoint", "/audit/proof?position=1"):
        answer = asked(idle_api, path)
        assert (answer.status_code, answer.json()["code"]) == (404, "nothing_sealed")
        assert answer.json()["retryable"]
    assert idle_api.get("/audit/checkpoints").json() == {"checkpoints": []}


def test_what_is_not_there_is_said_so(api: Api) -> None:
    sealed_migration(api)
    evidence(api, **{"from": "2020-01-01T00:00:00Z"})
    for path, status, code in (
        ("/audit/proof?position=100000", 404, "position_not_sealed"),
        ("/audit/proof?position=1&treeSize=100000", 404, "checkpoint_not_found"),
        ("/audit/proof?position=0", 400, "validation_failed"),
        ("/audit/consistency?from=1&to=100000", 404, "checkpoint_not_found"),
        ("/audit/consistency?from=2&to=1", 400, "validation_failed"),
        (f"/audit/evidence?tableId={uuid4()}", 404, "no_events_found"),
        ("/audit/evidence?operationId=x", 404, "no_events_found"),
        ("/audit/evidence?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z", 404, "no_events_found"),
        ("/audit/evidence", 400, "validation_failed"),
        ("/audit/evidence?to=2020-01-01T00:00:00Z", 400, "validation_failed"),
        ("/audit/evidence?from=yesterday", 400, "validation_failed"),
        (f"/audit/evidence?tableId={uuid4()}&operationId={uuid4()}", 400, "validation_failed"),
    ):
        answer = asked(api, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, answer.text)


def test_a_process_without_the_key_says_so(api: Api, tmp_path: Path) -> None:
    table, _ = sealed_migration(api)
    evidence(api, tableId=table)
    api.settings.seal_key_file.rename(tmp_path / "away")
    answer = api.get("/audit/evidence", tableId=table)
    assert (answer.status_code, answer.json()["code"]) == (503, "seal_key_missing")


def seal_as_the_doctor_sees_it(api: Api) -> Finding:
    assert api.settings.database_url is not None
    found = examination(api.settings, api.settings.database_url, mend=False)
    return next(finding for finding in found if finding.subject == "seal")


def test_the_doctor_looks_at_the_seal_itself_whether_or_not_anybody_seals(idle_api: Api) -> None:
    assert idle_api.settings.database_url is not None
    idle_api.new_table()
    with composed(idle_api.settings, idle_api.settings.database_url) as parts:
        sealer = sealer_of(idle_api.settings, parts.house)
        with connected(idle_api.settings.database_url) as connection:
            assert sealer.advance(connection)
    assert seal_as_the_doctor_sees_it(idle_api).verdict is Verdict.WELL
    for file in (idle_api.settings.seal_key_file, idle_api.settings.seal_copy_file):
        away = file.rename(file.with_name("away"))
        found = seal_as_the_doctor_sees_it(idle_api)
        assert found.verdict is Verdict.PROBLEM
        assert f"{file} is not there" in found.message
        away.rename(file)
    # Not even the public key is left: nobody makes another beside a log that was sealed.
    folder = idle_api.settings.seal_key_file.parent
    away = folder.rename(folder.with_name("away"))
    assert "the signing key" in seal_as_the_doctor_sees_it(idle_api).message
    prepare(idle_api.settings, idle_api.settings.database_url)
    assert not folder.exists()
    away.rename(folder)
    assert seal_as_the_doctor_sees_it(idle_api).verdict is Verdict.WELL


def test_a_lost_key_is_said_at_the_start(idle_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    assert idle_api.settings.database_url is not None
    idle_api.settings.seal_key_file.unlink()
    prepare(idle_api.settings, idle_api.settings.database_url)
    assert f"the signing key {idle_api.settings.seal_key_file} is not there" in caplog.text
    assert not idle_api.settings.seal_key_file.exists()


def test_evidence_is_refused_with_why_while_the_seal_is_stopped(api: Api) -> None:
    table, _ = sealed_migration(api)
    evidence(api, tableId=table)
    api.settings.seal_copy_file.write_text("")
    for path in (f"/audit/evidence?tableId={table}", "/audit/proof?position=1"):
        answer = asked(api, path)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_provable")
        assert "lacks the checkpoint" in answer.json()["error"]
    assert api.get("/audit/checkpoint").status_code == 200


def test_an_outside_copy_is_written_anew_where_it_is_to_lie_from_now_on(idle_api: Api, tmp_path: Path) -> None:
    url = idle_api.settings.database_url
    assert url is not None
    idle_api.new_table()
    with composed(idle_api.settings, url) as parts, connected(url) as connection:
        assert sealer_of(idle_api.settings, parts.house).advance(connection)
    moved = replace(idle_api.settings, seal_copy=tmp_path / "volume" / "checkpoints")
    with pytest.raises(FileNotFoundError):
        write_copy_anew(moved, url)
    assert "is not there" in seal_as_the_doctor_sees_it(Api(idle_api.client, idle_api.token, moved)).message
    moved.seal_copy_file.parent.mkdir()
    assert write_copy_anew(moved, url) is None
    assert moved.seal_copy_file.read_bytes() == idle_api.settings.seal_copy_file.read_bytes()
    assert seal_as_the_doctor_sees_it(Api(idle_api.client, idle_api.token, moved)).verdict is Verdict.WELL
    # What is there is kept aside; and a log that is not what was sealed is copied nowhere.
    aside = write_copy_anew(moved, url)
    assert aside is not None
    assert aside.read_bytes() == moved.seal_copy_file.read_bytes()
    with connected(url) as connection:
        connection.execute("DELETE FROM seal_tiles")
    with pytest.raises(SealStopped):
        write_copy_anew(moved, url)
