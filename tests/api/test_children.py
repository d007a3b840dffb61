"""Processes of the service are forked while that tears nothing, and are interpreters of their own otherwise."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from api.child import WORKER
from api.children import Child, Interpreter, end, is_alone
from api.groundwork import prepare
from api.sole import Taken, alone_on
from tests.api.conftest import settings_for

PATIENCE = 60.0

ORPHAN = """
import os, sys, time
from api.parent import end_with
given, taken = os.pipe()
parent = os.getpid()
if os.fork() == 0:
    os.close(taken)
    os.read(given, {waits})
    while {waits} and os.getppid() == parent:
        # Its files are closed a moment before it is gone.
        time.sleep(0.001)
    end_with(parent)
    print("lives", flush=True)
    time.sleep(600)
os.close(given)
if {waits} == 0:
    sys.stdin.readline()
os._exit(0)
"""
"""A parent that is gone before its child's first instruction (``waits`` is 1), or some time after it (0)."""


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


def test_a_child_whose_parent_is_gone_before_its_first_instruction_ends_at_once() -> None:
    orphan = subprocess.run(
        [sys.executable, "-c", ORPHAN.format(waits=1)], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert orphan.stdout == ""


def test_a_child_ends_when_its_parent_does() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN.format(waits=0)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "lives\n"
        parent.kill()
        # Its end of the pipe is closed with the child's life.
        assert parent.stdout.read() == ""


FORKING = """
import os, sys
from pathlib import Path
from api.sole import alone_on
with alone_on(Path(sys.argv[1])):
    if os.fork() == 0:
        print("forked", flush=True)
        sys.stdin.readline()
        os._exit(0)
    with alone_on(Path(sys.argv[2])):
        os.kill(os.getpid(), 9)
"""
"""Is killed while it holds two folders, the first since before it forked a child, which lives on."""


def test_a_second_serve_on_one_folder_is_refused_and_no_child_holds_it(tmp_path: Path) -> None:
    with alone_on(tmp_path), pytest.raises(Taken, match=str(os.getpid())), alone_on(tmp_path):
        pass
    with subprocess.Popen(
        [sys.executable, "-c", FORKING, tmp_path, tmp_path / "other"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as killed:
        killed.wait(PATIENCE)
        with alone_on(tmp_path):
            pass
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"forked\n"
