"""Where ``schemaledger`` begins: verifying evidence needs hardly anything installed, everything else a lot."""

import sys


def main() -> None:
    if sys.argv[1:3] == ["audit", "verify"] and "--full" not in sys.argv:
        from api.cli import verifier

        sys.exit(verifier.main(sys.argv[3:]))
    from api.cli.main import main as everything

    everything()
