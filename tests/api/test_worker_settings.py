"""Settings of where and how units are prepared, and how object stores are reached."""

import pytest

from api.settings import read_settings


def test_sizes_are_read_and_passed_on() -> None:
    settings = read_settings({"SCHEMALEDGER_WORKER_MEMORY": "512MB", "SCHEMALEDGER_WORKER_THREADS": "3"})
    assert (settings.worker_memory, settings.worker_threads) == (512 << 20, 3)
    assert read_settings(settings.environment()) == settings
    assert read_settings({}).worker_memory is None


def test_prefixes_stand_beside_folders_and_options_are_not_shown() -> None:
    named = {"SCHEMALEDGER_TABLE_ROOTS": "s3://bucket/a/", "SCHEMALEDGER_STORAGE_OPTIONS": '{"aws_region": "secret-1"}'}
    settings = read_settings(named)
    assert (settings.table_roots, settings.object_roots) == ((), ("s3://bucket/a",))
    assert read_settings(settings.environment()) == settings
    assert "secret-1" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCHEMALEDGER_WORKER_MEMORY", "much"),
        ("SCHEMALEDGER_WORKER_MEMORY", "0MB"),
        ("SCHEMALEDGER_WORKER_MEMORY", "255MB"),
        ("SCHEMALEDGER_EXECUTOR", "cloud"),
        ("SCHEMALEDGER_STORAGE_OPTIONS", "[secret"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name) as refused:
        read_settings({name: value})
    assert "secret" not in str(refused.value)
