"""Processes of the service are forked while that tears nothing, and are interpreters of their own otherwise."""

import threading
from pathlib import Path

from api.child import WORKER
from api.children import Child, Interpreter, end, is_alone
from api.groundwork import prepare
from tests.api.conftest import settings_for

PATIENCE = 60.0


def test_who_has_another_thread_is_not_forked(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, database_url)
    prepare(settings, database_url)
    done, child = threading.Event(), Child(WORKER, settings)
    assert child.has_ended
    waiting = threading.Thread(target=done.wait)
    waiting.start()
    try:
        assert not is_alone()
        child.begin(database_url)
        assert isinstance(child.process, Interpreter)
        assert not child.has_ended
        end([child], PATIENCE)
        assert child.has_ended
        assert child.process.returncode in (0, -15)
    finally:
        done.set()
        waiting.join()
