"""``subjects``: who is who, and erasing somebody."""

import click

from api.cli.calling import calls_service
from api.cli.output import say, show_json, show_table
from api.client.calls import Client


@click.group()
def subjects() -> None:
    """Name those whom the log knows by their ids, and erase what they wrote."""


@subjects.command("list")
@calls_service
def list_subjects(client: Client, as_json: bool) -> None:
    """All who have a name or wrote something."""
    found = list(client.all("/subjects", "subjects"))
    if as_json:
        show_json(found)
    else:
        rows = ([s["subjectId"], s.get("name"), "writes" if s["writes"] else ""] for s in found)
        show_table(["subject", "name", "text"], rows)


@subjects.command("name")
@click.argument("subject_id")
@click.argument("name")
@calls_service
def name_subject(client: Client, as_json: bool, subject_id: str, name: str) -> None:
    """Call the subject NAME from now on."""
    found = client.call("POST", "/subjects", {"subjectId": subject_id, "name": name})
    if as_json:
        show_json(found)
    else:
        say(f"{subject_id}\t{name}")


@subjects.command("erase")
@click.argument("subject_id")
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant")
@calls_service
def erase_subject(client: Client, as_json: bool, subject_id: str, yes: bool) -> None:
    """Forget the subject's name and make all that it wrote unreadable. Nobody can undo that."""
    if not yes:
        click.confirm(f"Erase the name and every text of '{subject_id}', for ever?", abort=True)
    client.call("POST", "/subjects/erase", {"subjectId": subject_id})
    if as_json:
        show_json({"subjectId": subject_id, "erased": True})
    else:
        say(f"{subject_id}\terased")
