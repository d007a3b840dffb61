"""Whoever is told to end does so at once, whatever else it waits for."""

import threading
from pathlib import Path

import pytest

from adapters.event_log import feed as feeds
from adapters.event_log.feed import Feed
from api.compose import working
from api.groundwork import prepare
from api.stopping import Ending
from tests.api.conftest import settings_for

PATIENCE, FOR_EVER = 60.0, 86_400.0


def test_a_worker_that_waits_for_work_is_woken(database_url: str, tmp_path: Path) -> None:
    settings, stop = settings_for(tmp_path, database_url), Ending()
    prepare(settings, database_url)
    with working(settings, database_url, "w", stop) as worker:

        def rest() -> None:
            while not stop.is_set():
                worker.rest(FOR_EVER)

        resting = threading.Thread(target=rest, daemon=True)
        resting.start()
        stop.set()
        resting.join(PATIENCE)
        assert not resting.is_alive()


def test_a_feed_that_waits_for_news_is_woken(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "SECONDS_BETWEEN_STOP_CHECKS", FOR_EVER)
    feed = Feed(database_url)
    feed.start()
    assert feed.listening.wait(PATIENCE)
    ending = threading.Thread(target=feed.stop, daemon=True)
    ending.start()
    ending.join(PATIENCE)
    assert not ending.is_alive()
