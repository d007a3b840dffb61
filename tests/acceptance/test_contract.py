"""Generated calls against the real server: every answer is one that the published document allows."""

from pathlib import Path

import pytest

from tests.acceptance.conftest import Service
from tests.acceptance.fuzzing import fuzz


@pytest.mark.parametrize("phases", ["examples,coverage", "fuzzing,stateful"])
def test_the_server_keeps_its_published_contract(own_service: Service, tmp_path: Path, phases: str) -> None:
    ran = fuzz(own_service, tmp_path, phases=phases, examples=8, walks=12, deterministic=True)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert not [line for line in own_service.lines if '"level":"error"' in line]
    assert own_service.http.get("/health/ready").status_code == 200
