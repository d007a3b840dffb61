"""``schemaledger``: the command line."""

import sys

import click

from api.cli.approving import approvals, approve, policy, reject
from api.cli.auditing import audit
from api.cli.ci import apply, plan
from api.cli.completing import completion
from api.cli.demo import demo_command
from api.cli.doctor import doctor_command
from api.cli.keys import keys
from api.cli.migrating import migrate, revert
from api.cli.output import ERROR, show_error
from api.cli.pasts import column, diff
from api.cli.replaying import replay_command
from api.cli.roles import roles
from api.cli.running import prepare_command, serve_command, worker_command
from api.cli.showing import operations, schema, tables
from api.cli.subjects import subjects
from api.cli.tending import adopt, compact, drift, indexes
from api.cli.tokens import tokens, whoami
from api.cli.trails import events, report
from api.cli.webhooks import webhooks
from api.client.calls import ServiceError
from domain.errors import Refusal

EPILOG = "Exit codes: 0 done, 1 error, 2 wrong call, 3 operation failed, 4 cancelled, 5 still running, "
EPILOG += "6 and 7 changes (plan --detailed-exitcode)."


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="schemaledger")
def cli() -> None:
    """Executes schema migrations on dataset tables and remembers every one of them."""


for command in (
    serve_command,
    worker_command,
    prepare_command,
    doctor_command,
    replay_command,
    demo_command,
    migrate,
    plan,
    apply,
    operations,
    tables,
    schema,
    diff,
    column,
    revert,
    drift,
    adopt,
    compact,
    indexes,
    audit,
    subjects,
    keys,
    completion,
    approvals,
    approve,
    reject,
    policy,
    tokens,
    roles,
    whoami,
    webhooks,
):
    cli.add_command(command)
audit.add_command(events)
audit.add_command(report)


def main() -> None:
    """Runs the command line; every error it knows ends in one sentence and an exit code."""
    try:
        cli()
    except (ServiceError, Refusal, ValueError) as error:
        show_error(str(error))
        sys.exit(ERROR)


if __name__ == "__main__":
    main()
