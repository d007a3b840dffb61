"""Whatever is let in with is nowhere afterwards: not in what is printed, not in the log, not in a table, not in metrics."""

from pathlib import Path

import httpx
import psycopg
from psycopg.sql import SQL, Identifier

from tests.acceptance.conftest import Service
from tests.api.issuer import AUDIENCE, Issuer

PASSWORD = "the-password-of-the-database"
OBJECT_STORE_KEY = "the-key-of-the-object-store"


def test_no_secret_is_left_anywhere(tmp_path: Path, database_url: str) -> None:
    url = f"{database_url}{'&' if '?' in database_url else '?'}password={PASSWORD}"
    with Issuer().serving() as issuer:
        issuer.add("key")
        service = Service(
            tmp_path,
            DATABASE_URL=url,
            SCHEMALEDGER_OIDC_ISSUER=issuer.url,
            SCHEMALEDGER_OIDC_AUDIENCE=AUDIENCE,
            SCHEMALEDGER_STORAGE_OPTIONS=f'{{"aws_secret_access_key": "{OBJECT_STORE_KEY}"}}',
            SCHEMALEDGER_LOG_LEVEL="debug",
        ).start()
        try:
            secrets, told = use_everything(service, issuer)
        finally:
            service.stop()
    assert "stored_events" in found_in_tables(database_url, "oidc:ana"), "or what is looked for would not be found"
    # The first start shows its token once.
    printed = [line for line in service.lines if service.token in line]
    assert [line.strip() for line in printed] == [service.token]
    said = "\n".join(line for line in service.lines if line not in printed)
    for secret in (*secrets, service.token, PASSWORD, OBJECT_STORE_KEY):
        assert secret not in said
        assert secret not in told
        assert not found_in_tables(database_url, secret)


def use_everything(service: Service, issuer: Issuer) -> tuple[list[str], str]:
    """The secrets that were used, and all that was answered but for the secrets that are shown once."""
    made = service.http.post("/tokens", json={"subject": "ana", "grants": [{"roles": ["admin"]}]}).json()
    rotated = service.http.post(f"/tokens/{made['tokenId']}/rotate").json()
    service.http.post("/role-bindings", json={"subject": "oidc:ana", "roles": ["admin"]})
    good, ended = issuer.token("key"), issuer.token("key", exp=1)
    others = issuer.token("key", aud="somebody else")
    secrets = [made["secret"], rotated["secret"], good, ended, others, "sl_not-one-that-was-ever-made-here-00000000"]
    answers = list[str]()
    for secret in secrets:
        headers = {"Authorization": f"Bearer {secret}"}
        with httpx.Client(base_url=service.url, headers=headers, timeout=60) as http:
            body = {"datasetId": "d", "tableName": f"t{len(answers)}", "fields": [{"name": "id", "arrowType": "int64"}]}
            answers += [
                http.get("/whoami").text,
                http.post("/dataset-tables", json=body).text,
                http.post("/dataset-tables", json={**body, "engine": secret}).text,
                # Secrets in places where they do not belong.
                http.delete(f"/tokens/{secret}").text,
                http.get(f"/dataset-tables/{secret}/schema", params={"at": secret}).text,
                http.post(f"/operations/{secret}/cancel", json={"reason": "x"}).text,
                http.get("/audit/events", params={"actor": secret, "from": secret}).text,
                http.get("/audit/events", params={"actor": secret}).text,
                http.get("/operations", params={"pageToken": secret}).text,
            ]
        ran = service.run("whoami", "--token", secret)
        answers += [ran.stdout, ran.stderr]
    answers.append(service.http.get("/audit/events", headers={"Accept": "application/x-ndjson"}).text)
    answers.append(httpx.get(f"{service.url}/metrics").text)
    return secrets, "\n".join(answers)


def found_in_tables(database_url: str, secret: str) -> list[str]:
    """The tables with the secret in any column, as text or in bytes."""
    with psycopg.connect(database_url) as connection:
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        query = SQL("SELECT count(*) FROM {} AS t WHERE position(%s in t::text) > 0 OR position(%s in t::text) > 0")
        return [
            name
            for (name,) in names.fetchall()
            if connection.execute(query.format(Identifier(name)), (secret, secret.encode().hex())).fetchone() != (0,)
        ]


def test_nobody_listens_beyond_the_machine_when_nobody_could_come_in(tmp_path: Path, database_url: str) -> None:
    service = Service(tmp_path, DATABASE_URL=database_url).start()
    (token,) = service.http.get("/tokens").json()["tokens"]
    assert service.http.delete(f"/tokens/{token['tokenId']}").status_code == 204
    service.stop()
    refused = service.run("serve", "--host", "0.0.0.0")
    assert refused.returncode == 1
    assert "every token has ended" in refused.stderr
    (service.data_dir / "token").unlink()
    again = Service(tmp_path, DATABASE_URL=database_url, SCHEMALEDGER_HOST="0.0.0.0").start()
    again.stop()
    assert any("plain HTTP" in line for line in again.lines)
