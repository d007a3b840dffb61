"""Generated calls of everything that is published, against a real service: ``make fuzz`` for many, the tests for a few.

Every check of schemathesis is on but one, and one for one call. ``positive_data_acceptance`` takes every 400 for a broken promise, where a
body of the right shape may make no sense for the table that it meets, and a page token is good only where it was given.
In its place ``fuzzing_hooks`` refuses every 400 that is about form: what the document allows is never malformed.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.acceptance.conftest import Service

HOOKS = Path(__file__).with_name("fuzzing_hooks.py")

ALL = "examples,coverage,fuzzing,stateful"
"""What is published as examples, the limits of every parameter, chance, and walks along the links from call to call."""

CONFIGURATION = """
hooks = "{hooks}"

[generation]
max-examples = {examples}
database = "none"
deterministic = {deterministic}

[phases.stateful]
generation.max-examples = {walks}

[checks.positive_data_acceptance]
enabled = false

# A token that was revoked stays to be seen, as revoked.
[[operations]]
include-operation-id = "getToken"
checks.use_after_free.enabled = false
"""


def fuzz(
    service: Service, folder: Path, *, phases: str = ALL, examples: int, walks: int, deterministic: bool
) -> "subprocess.CompletedProcess[str]":
    configuration = folder / "schemathesis.toml"
    given = {"examples": examples, "walks": walks, "deterministic": str(deterministic).lower()}
    configuration.write_text(CONFIGURATION.format(hooks=HOOKS, **given))
    service.new_table("generated", {"id": "int64", "name": "utf8"})
    arguments = ("run", f"{service.url}/openapi.json", "--phases", phases)
    arguments += ("--header", f"Authorization: Bearer {caller(service)}")
    return subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


def caller(service: Service) -> str:
    """A token for everything. It sees only tokens and bindings that it made, so it cannot end itself by chance."""
    mine = service.http.get("/whoami").json()["grants"][0]["scopes"]
    grants = [
        {"scopes": [scope for scope in mine if scope != "tokens:manage"]},
        {"scopes": mine, "datasets": ["shop", "d"]},
    ]
    made = service.http.post("/tokens", json={"subject": "chance", "grants": grants})
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="of each call")
    parser.add_argument("--walks", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="schemaledger-fuzz-") as name:
        folder = Path(name)
        service = Service(folder, SCHEMALEDGER_API_PROCESSES="2", SCHEMALEDGER_RATE_LIMIT="0").start()
        try:
            ran = fuzz(service, folder, examples=asked.examples, walks=asked.walks, deterministic=False)
            alive = service.http.get("/health/ready").status_code
        finally:
            service.stop()
        print(ran.stdout, ran.stderr)
        faults = [line for line in service.lines if '"level":"error"' in line]
        print(*faults[:20], sep="\n")
        sys.exit(ran.returncode or int(alive != 200) or int(bool(faults)))


if __name__ == "__main__":
    main()
