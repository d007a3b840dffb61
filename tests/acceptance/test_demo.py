"""The demo tells a readable story on real data and ends well, or says what was not as promised."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_demo_ends_with_proof(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    ran = subprocess.run(
        [sys.executable, "-m", "api.cli.main", "demo"],
        env={**environment, "SCHEMALEDGER_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "all as promised" in ran.stdout
    assert "NOT AS PROMISED" not in ran.stdout
    assert "of 336,776 rows" in ran.stdout
    assert "values of column 'temp' cannot become int32" in ran.stdout
    assert "table.schema_changed" in ran.stdout
