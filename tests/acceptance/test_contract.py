"""Generated calls against the real server: every answer is one that the published document allows."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Service

CONFIGURATION = """
# Long polls may take their 30 seconds.
request-timeout = 40

[generation]
max-examples = 12
database = "none"
deterministic = true

[phases.stateful]
generation.max-examples = 8

# A body of the right shape may still make no sense for the table it meets: that is 400 by contract.
[checks.positive_data_acceptance]
enabled = false
"""


@pytest.mark.xdist_group("contract")
def test_the_server_keeps_its_published_contract(service: Service, tmp_path: Path) -> None:
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    table = service.new_table("generated", {"id": "int64", "name": "utf8"})
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)),
            *("run", f"{service.url}/openapi.json", "--header", f"Authorization: Bearer {service.token}"),
            # Neither the table nor the token that the rest is tried with goes away.
            *("--exclude-operation-id", "unregisterTable"),
            *("--exclude-operation-id", "revokeToken"),
            *("--exclude-operation-id", "rotateToken"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert service.http.get(f"/dataset-tables/{table['tableId']}").status_code == 200
