"""Tables in an object store: the same migrations over a real S3 protocol, and credentials that nobody gets to read."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import lance
import msgspec
import pyarrow as pa
import pytest
from lance.file import LanceFileSession

import api.worker
from adapters.engines.lance_tables.border import problem_of_root
from adapters.engines.lance_tables.engine import LanceEngine
from api.compose import composed
from api.groundwork import prepare
from domain.errors import EngineUnavailable, LocationOccupied
from domain.handlers.migrations import NewMigration
from domain.handlers.operations import cancel_operation
from domain.handlers.reverting import submit_revert
from domain.migration.events import MigrationRequested
from tests.api.conftest import settings_for
from tests.api.test_worker import ORIGIN, Bench
from tests.contracts.engines.drivers import LanceDriver, migrate
from tests.domain.planning import add, drop, index, rename, retype

server = pytest.importorskip("moto.server", reason="moto, the S3 server of the tests, is not installed")

pytestmark = [
    # The server's sockets are left to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

SECRET = "a-secret-that-is-told-to-nobody"
CHANGES = (retype("n", "int64", "int32"), rename("id", "key"), index("n", name="by_n"))


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, str]]:
    """How a bucket named ``bucket`` of a fresh server is reached."""
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    _, port = running.get_host_and_port()
    endpoint = f"http://127.0.0.1:{port}"
    assert httpx.put(f"{endpoint}/bucket").status_code == 200
    yield {
        "aws_endpoint": endpoint,
        "aws_region": "us-east-1",
        "aws_access_key_id": "tester",
        "aws_secret_access_key": SECRET,
        "allow_http": "true",
    }
    running.stop()


@pytest.fixture
def remote(
    database_url: str, tmp_path: Path, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    monkeypatch.setattr(api.worker, "backoff", lambda failures: api.worker.timedelta(0))
    root = f"s3://bucket/{tmp_path.name}"
    local = settings_for(tmp_path, database_url)
    settings = replace(local, table_roots=(), object_roots=(root,), storage_options=options)
    prepare(settings, database_url)
    with composed(settings, database_url) as parts:
        yield Bench(parts, options)


def objects(bench: Bench) -> set[str]:
    return set(LanceFileSession(bench.location, storage_options=bench.options).list())


def table(bench: Bench) -> lance.LanceDataset:
    return lance.dataset(bench.location, storage_options=bench.options)


def finish(bench: Bench, operation: UUID) -> str:
    while bench.worker().work_once():
        pass
    return bench.operation(operation).status


def test_a_migration_and_its_revert(remote: Bench) -> None:
    assert remote.location.startswith("s3://bucket/")
    before, rows = table(remote).version, table(remote).to_table().to_pylist()
    assert finish(remote, remote.submit(*CHANGES[:2])) == "completed"
    assert table(remote).version == before + 1
    assert finish(remote, remote.submit(CHANGES[2])) == "completed"
    assert [found.name for found in table(remote).describe_indices()] == ["by_n"]
    dropped = remote.submit(drop("key"), add("x", defaultValue="y"))
    assert finish(remote, dropped) == "completed"
    assert table(remote).to_table().to_pylist() == [{"n": number * 10, "x": "y"} for number in range(4)]
    log = remote.house.store.read(0, 10_000)
    (migration,) = [
        event.stream
        for event in log
        if isinstance(event.fact, MigrationRequested) and event.fact.operation_id == dropped
    ]
    asked = NewMigration(changes=(), operations=msgspec.Raw(b"[]"))
    assert (
        finish(remote, submit_revert(remote.house, remote.table, migration, asked, ORIGIN).operation_id) == "completed"
    )
    assert table(remote).to_table().to_pylist() == [{"key": row["id"], "n": row["n"]} for row in rows]


def test_a_job_with_an_index_over_new_values_leaves_nothing_detached(remote: Bench) -> None:
    assert finish(remote, remote.submit(*CHANGES)) == "completed"
    assert not [path for path in objects(remote) if path.startswith("_versions/d")]
    assert table(remote).schema.field("n").type == pa.int32()


def test_a_clone_in_a_bucket_is_migrated_and_its_source_is_not(options: dict[str, str]) -> None:
    source, place = "s3://bucket/source.lance", "s3://bucket/clone.lance"
    words = pa.table({"id": range(6), "words": ["a fox", "dogs", "the fox", None, "end", "foxes"]})
    made = lance.write_dataset(words, source, max_rows_per_file=2, storage_options=options)
    made.create_scalar_index("words", "INVERTED", name="theirs", stem=False, with_position=True)
    made = lance.dataset(source, storage_options=options)
    made.shallow_clone(place, made.version, storage_options=options)
    held = set(LanceFileSession(source, storage_options=options).list())
    driver = LanceDriver(Path())
    driver.location, driver.engine = place, LanceEngine(options)
    schema = driver.engine.inspect(place).schema
    assert schema.indexes[0].settings == {"with_position": True, "stem": False}
    migrate(driver, schema, retype("words", "utf8", "large_utf8"), add("x", defaultValue="y"))
    after = lance.dataset(place, storage_options=options)
    assert sorted(after.to_table(full_text_query="fox").column("id").to_pylist()) == [0, 2]
    assert after.describe_indices()[0].details["with_position"]
    assert set(LanceFileSession(source, storage_options=options).list()) == held


def test_cancelling_leaves_no_object_behind(remote: Bench) -> None:
    before = objects(remote)
    operation = remote.submit(*CHANGES)

    def cancel() -> None:
        remote.engine.after.clear()
        cancel_operation(remote.house, operation, "no longer wanted", ORIGIN)

    remote.engine.after["prepare"] = cancel
    assert finish(remote, operation) == "cancelled"
    assert objects(remote) == before


def test_a_refused_cast_leaves_no_object_behind(remote: Bench) -> None:
    rows = pa.table({"id": pa.array([9], pa.int64()), "n": pa.array([1 << 40], pa.int64())})
    lance.write_dataset(rows, remote.location, mode="append", storage_options=remote.options)
    before = objects(remote)
    operation = remote.submit(*CHANGES)
    assert finish(remote, operation) == "failed"
    assert remote.operation(operation).error_code == "cast_failed"
    assert objects(remote) == before


def test_a_place_that_is_taken_is_refused(remote: Bench) -> None:
    with pytest.raises(LocationOccupied):
        remote.engine.create(remote.location, remote.house.table(remote.table)[0].schema)


def test_nobody_reads_the_credentials(remote: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    assert finish(remote, remote.submit(*CHANGES)) == "completed"
    # And where the store is not reached: what the library says of it goes through many hands.
    away = {
        **(remote.options or {}),
        "aws_endpoint": "http://127.0.0.1:9",
        "client_max_retries": "0",
        "retry_timeout": "1",
    }
    engine = LanceEngine(away)
    with pytest.raises(EngineUnavailable) as refused:
        engine.inspect(remote.location)
    stored = b"".join(msgspec.json.encode(repr(event)) for event in remote.house.store.read(0, 10_000))
    told = [
        caplog.text,
        stored.decode(),
        str(refused.value),
        repr(engine),
        repr(remote.house),
        str(refused.value.facts()),
    ]
    assert all(SECRET not in text for text in told)


def test_the_doctor_looks_into_the_roots_and_tells_no_secret(
    options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert problem_of_root("s3://bucket/tables", options) is None
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    away = {**options, "aws_endpoint": f"http://127.0.0.1:1/{SECRET}", "client_max_retries": "0"}
    problem = problem_of_root("s3://bucket/tables", {name: away[name] for name in away if "secret" not in name})
    assert problem is not None
    assert SECRET not in problem
