"""``completion``: what makes a shell complete our commands, options and arguments."""

import click
from click.shell_completion import get_completion_class

from api.cli.output import say

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what SHELL needs: source it, as in `source <(schemaledger completion bash)`."""
    made = get_completion_class(shell)
    assert made is not None, "the framework knows these shells"
    say(made(context.find_root().command, {}, "schemaledger", "_SCHEMALEDGER_COMPLETE").source())
