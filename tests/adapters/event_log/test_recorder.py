"""The library's own tests of recorders, run on ours."""

import os
from typing import Any
from uuid import UUID, uuid4

import psycopg
from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from adapters.event_log.recorder import Datastore, Recorder
from adapters.postgres.database import Database
from tests.conftest import SERVER, TEMPLATE, database_on


class OwnDatabase:
    """A database of the test's own, for unittest's way of setting up."""

    def setUp(self) -> None:
        self._name = f"schemaledger_test_{uuid4().hex[:12]}"
        with psycopg.connect(os.environ[SERVER], autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self._name} TEMPLATE {os.environ[TEMPLATE]}".encode())
        self._database = Database(database_on(os.environ[SERVER], self._name), size=12)

    def tearDown(self) -> None:
        self._database.close()
        with psycopg.connect(os.environ[SERVER], autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self._name} WITH (FORCE)".encode())

    def new_originator_id(self) -> UUID:
        return uuid4()

    def create_recorder(self) -> Any:
        recorder = Recorder(Datastore(self._database))
        recorder.create_table()
        return recorder


class TestAsApplicationRecorder(OwnDatabase, ApplicationRecorderTestCase[ApplicationRecorder]):
    def test_performance(self) -> None:
        """Nothing here depends on time: `make bench` measures."""

    def test_concurrent_throughput(self) -> None:
        """Nothing here depends on time: `make bench` measures."""


class TestNotificationsDoNotInterleave(OwnDatabase, NonInterleavingNotificationIDsBaseCase):
    insert_num = 100
