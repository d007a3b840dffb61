"""Every command can be called as its help says."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from api.cli.main import cli


def commands(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
        elif not command.hidden:
            yield (*before, name)


@pytest.mark.parametrize("named", sorted(commands(cli)), ids=" ".join)
def test_every_command_says_what_it_does_and_gives_no_name_twice(named: tuple[str, ...]) -> None:
    # A name that is given twice is a warning, which is an error here.
    said = CliRunner().invoke(cli, [*named, "--help"])
    assert said.exit_code == 0, said.output
    assert said.exception is None
    usage, _, rest = said.output.partition("\n\n")
    assert usage.startswith(f"Usage: cli {' '.join(named)}")
    assert rest.strip()[0].isupper()
