"""One log has one data folder: a second makes neither a key nor an admin's token for it."""

from pathlib import Path
from shutil import copytree

import pytest

from adapters.postgres.database import connected
from api.compose import composed, sealer_of
from api.groundwork import prepare, prepare_worker
from tests.api.conftest import settings_for


def test_a_folder_without_the_logs_key_is_refused_and_nothing_is_made_in_it(database_url: str, tmp_path: Path) -> None:
    first, second = (settings_for(tmp_path / name, database_url) for name in ("first", "second"))
    prepare(first, database_url)
    with composed(first, database_url) as parts, connected(database_url) as connection:
        assert sealer_of(first, parts.house).advance(connection)
    with pytest.raises(ValueError, match=r"sealed as schemaledger/\w+, and .*second has neither its key nor a token"):
        prepare(second, database_url)
    assert not second.token_file.exists()
    assert not second.seal_key_file.exists()
    # A worker needs neither.
    prepare_worker(second, database_url)
    # What the first has is enough.
    copytree(first.seal_key_file.parent, second.seal_key_file.parent)
    second.token_file.write_text(first.token_file.read_text())
    assert not prepare(second, database_url).made_token
