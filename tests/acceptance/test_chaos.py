"""Everything at once: see tests/acceptance/chaos/. ``make soak`` is the same for longer."""

from pathlib import Path

from tests.acceptance.chaos.run import Chaos

SEED, STEPS = 7, 30


def test_whatever_is_killed_paused_or_cut_off_everything_ends_rightly(tmp_path: Path) -> None:
    ended = Chaos(tmp_path, SEED).run(STEPS)
    assert ended["operation.completed"] > 0
