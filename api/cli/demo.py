"""``demo``: the whole road on real data, told step by step, with proof at the end."""

import logging
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from api.cli.output import DONE, ERROR, FAILED, console, say, show_table
from api.cli.plans import show_plan
from api.cli.submitting import follow_to_the_end
from api.client.calls import Client, ServiceError, read_token
from api.client.service import Service
from api.settings import Settings, read_settings
from api.stopping import Stop

DATASET = "nyc"

FLIGHTS: list[dict[str, Any]] = [
    {
        "type": "change_column_type",
        "params": {"name": "time_hour", "oldType": "utf8", "newType": "timestamp[s, UTC]"},
    },
    {"type": "rename_column", "params": {"oldName": "dest", "newName": "destination"}},
    {"type": "change_column_type", "params": {"name": "dep_delay", "oldType": "float64", "newType": "int32"}},
    {
        "type": "add_column",
        "params": {"name": "source", "dataType": "utf8", "nullable": False, "position": 1, "defaultValue": "faa"},
    },
    {"type": "drop_column", "params": {"name": "hour"}},
]
PLANES: list[dict[str, Any]] = [
    {"type": "rename_column", "params": {"oldName": "type", "newName": "kind"}},
    {"type": "alter_column_nullability", "params": {"name": "tailnum", "nullable": False}},
    {"type": "change_column_type", "params": {"name": "engines", "oldType": "int64", "newType": "int8"}},
]
WEATHER: list[dict[str, Any]] = [
    {"type": "change_column_type", "params": {"name": "temp", "oldType": "float64", "newType": "int32"}},
]


@click.command("demo")
def demo_command() -> None:
    """Migrate the flights of 2013 (336,776 rows) and prove what became of them. Starts a service of its own."""
    # What only the demo needs is imported only then.
    from api.serving import CannotServe, running

    logging.basicConfig(level=logging.WARNING)
    home = read_settings()
    folder = home.data_dir / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    settings = replace(home, data_dir=folder, port=0, database_url=None, table_roots=(folder / "tables",))
    say("Starting a service of its own ...")
    try:
        with running(settings, Stop()) as service:
            problems = tell(service.settings)
    except CannotServe as error:
        raise ServiceError(str(error)) from error
    sys.exit(ERROR if problems else DONE)


def tell(settings: Settings) -> list[str]:
    """The story; what was not as promised, which should be nothing."""
    from api.compose import demo_data

    data = demo_data()
    client = Client(settings.url, read_token(settings.token_file))
    _title("Four real tables come under management")
    places = {name: data.write_table(name, settings.table_roots[0]) for name in data.TABLES}
    ids = {name: _register(client, name, place) for name, place in places.items()}
    rows = ([f"{DATASET}.{name}", data.fragments_of(place), place] for name, place in places.items())
    show_table(["table", "fragments", "location"], rows)

    problems = _migrate_flights(client, ids["flights"], places["flights"])
    problems += _migrate_planes(client, ids["planes"], places["planes"])
    problems += _fail_honestly(client, ids["weather"], places["weather"])
    _show_log(settings)
    _title("What to try next")
    say("  make serve                                  # a service that stays")
    say("  schemaledger tables --help                  # make or register tables of your own")
    say("  schemaledger plan TABLE operations.json     # what would happen")
    say("  schemaledger migrate TABLE operations.json  # and happen")
    say(f"  The demo's tables stay in {settings.table_roots[0]} until the next demo.")
    for problem in problems:
        say(f"NOT AS PROMISED: {problem}")
    return problems


def _migrate_flights(client: Client, table: str, place: Path) -> list[str]:
    from api.compose import demo_data

    data = demo_data()
    _title("Five changes of flights: what they would do")
    path = f"/dataset-tables/{table}/migrations"
    show_plan(client.call("POST", f"{path}/plan", {"operations": FLIGHTS}))
    _title("... and done, as one version")
    before = data.version_of(place)
    problems = _run(client, table, FLIGHTS, "Make the flights what they mean", DONE)
    if data.version_of(place) != before + 1:
        problems.append(f"flights went from version {before} to {data.version_of(place)}")
    _show_schema(client, table)
    same = {"destination": "dest", "dep_delay": "dep_delay", "arr_delay": "arr_delay", "tailnum": "tailnum"}
    same |= {name: name for name in ("year", "flight", "carrier", "distance", "air_time", "origin")}
    wrong: list[str] = data.prove("flights", place, same, {"time_hour": "time_hour"}, {"source": "faa"})
    say("Proof: every row and value compared with the original: " + ("; ".join(wrong) or "all as promised."))
    return problems + wrong


def _migrate_planes(client: Client, table: str, place: Path) -> list[str]:
    from api.compose import demo_data

    _title("Planes: a proper name, a promise about nulls, a smaller type")
    problems = _run(client, table, PLANES, "Planes have a kind", DONE)
    same = {"tailnum": "tailnum", "kind": "type", "engines": "engines", "seats": "seats"}
    problems += demo_data().prove("planes", place, same, {}, {})
    return problems


def _fail_honestly(client: Client, table: str, place: Path) -> list[str]:
    from api.compose import demo_data

    _title("Weather: temperatures are no whole numbers, so this is refused and nothing is touched")
    before = demo_data().version_of(place)
    problems = _run(client, table, WEATHER, "Temperatures as integers", FAILED)
    if demo_data().version_of(place) != before:
        problems.append("weather was changed by a migration that failed")
    problems += demo_data().prove("weather", place, {"temp": "temp", "origin": "origin"}, {}, {})
    return problems


def _run(client: Client, table: str, operations: list[dict[str, Any]], description: str, expected: int) -> list[str]:
    body = {"operations": operations, "description": description}
    submitted = client.call("POST", f"/dataset-tables/{table}/migrations", body)
    code = follow_to_the_end(Service.over(client).operation(submitted["operationId"]), None, as_json=False)
    return [] if code == expected else [f"'{description}' ended with {code} instead of {expected}"]


def _register(client: Client, name: str, place: Path) -> str:
    body = {"datasetId": DATASET, "tableName": name, "location": str(place)}
    return str(client.call("POST", "/dataset-tables", body)["tableId"])


def _show_schema(client: Client, table: str) -> None:
    found = client.call("GET", f"/dataset-tables/{table}/schema")
    show_table(["column", "type"], ([field["name"], field["dataType"]] for field in found["fields"]))
    versions = client.call("GET", f"/dataset-tables/{table}/schema/versions")["versions"]
    _title("Its history")
    rows = ([v["versionNumber"], v["appliedAt"], v["fingerprint"][:26]] for v in versions)
    show_table(["version", "applied", "fingerprint"], rows)


def _show_log(settings: Settings) -> None:
    from api.compose import composed

    _title("The log remembers all of it, in one order, for ever")
    with composed(settings, settings.database_url or "") as parts:
        events = parts.house.store.read(0, 1_000)
    shown = [event for event in events if event.fact.topic != "operation.progressed"]
    rows = (
        [e.position, e.recorded_at.isoformat(timespec="milliseconds"), e.metadata.origin.actor, e.fact.topic]
        for e in shown
    )
    show_table(["position", "recorded", "actor", "event"], rows)
    say(f"({len(events) - len(shown)} reports of progress left out)")


def _title(text: str) -> None:
    console().print(f"\n[bold]{text}[/bold]" if console().is_terminal else f"\n== {text}")
