"""``schemaledger``: the command line."""

import sys
from importlib import import_module

import click

from api.cli.output import ERROR, show_error
from api.client.errors import ServiceError
from domain.errors import Refusal

EPILOG = "Exit codes: 0 done, 1 error, 2 wrong call, 3 operation failed, 4 cancelled, 5 still running, "
EPILOG += "6 and 7 changes (plan --detailed-exitcode)."

COMMANDS = {
    "serve": "running.serve_command",
    "worker": "running.worker_command",
    "prepare": "running.prepare_command",
    "doctor": "doctor.doctor_command",
    "replay": "replaying.replay_command",
    "demo": "demo.demo_command",
    "migrate": "migrating.migrate",
    "plan": "ci.plan",
    "apply": "ci.apply",
    "operations": "showing.operations",
    "tables": "showing.tables",
    "schema": "showing.schema",
    "diff": "pasts.diff",
    "column": "pasts.column",
    "revert": "migrating.revert",
    "drift": "tending.drift",
    "adopt": "tending.adopt",
    "compact": "tending.compact",
    "migrate-manifest-paths": "tending.migrate_manifest_paths",
    "rewrite-storage": "tending.rewrite_storage",
    "indexes": "tending.indexes",
    "audit": "auditing.audit",
    "subjects": "subjects.subjects",
    "keys": "keys.keys",
    "completion": "completing.completion",
    "approvals": "approving.approvals",
    "approve": "approving.approve",
    "reject": "approving.reject",
    "policy": "approving.policy",
    "tokens": "tokens.tokens",
    "roles": "roles.roles",
    "whoami": "tokens.whoami",
    "webhooks": "webhooks.webhooks",
}
"""Where in this package each command is. Only the one that is called is imported."""


class Commands(click.Group):
    """Those of ``COMMANDS``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module, _, name = COMMANDS.get(cmd_name, "").partition(".")
        if not module:
            return None
        command = getattr(import_module(f"api.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="schemaledger")
def cli() -> None:
    """Executes schema migrations on dataset tables and remembers every one of them."""


def main() -> None:
    """Runs the command line; every error it knows ends in one sentence and an exit code."""
    try:
        cli()
    except (ServiceError, Refusal, ValueError) as error:
        show_error(str(error))
        sys.exit(ERROR)


if __name__ == "__main__":
    main()
