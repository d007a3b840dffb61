"""Files of tables, on this machine and in object stores, by what Lance itself reads and writes with."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import lance
from lance.file import LanceFileSession

Options = Mapping[str, str]
"""Lance's storage options: endpoint, region, credentials. They are told to nobody."""

SCHEME = "://"


def is_remote(location: str) -> bool:
    return SCHEME in location


def options_of(table: lance.LanceDataset) -> dict[str, str] | None:
    """What the table was opened with."""
    options: dict[str, str] | None = table.initial_storage_options
    return options


def reopened(table: lance.LanceDataset, version: int | None = None) -> lance.LanceDataset:
    """The latest version of the table, or that one. Raises what Lance raises."""
    return lance.dataset(table.uri, version=version, storage_options=options_of(table))


def is_free(location: str, options: Options) -> bool:
    """Whether nothing is there, or an empty folder."""
    if is_remote(location):
        return not _session(location, options).list()
    place = Path(location)
    return not place.exists() or (place.is_dir() and not any(place.iterdir()))


def names_in(table: lance.LanceDataset, folder: str) -> set[str]:
    """The names of the files in a folder of the table; none when it is not there."""
    if is_remote(table.uri):
        return {path.rpartition("/")[2] for path in _session(table.uri, options_of(table)).list(folder)}
    place = Path(table.uri) / folder
    return {path.name for path in place.iterdir()} if place.exists() else set()


def is_there(table: lance.LanceDataset, path: str) -> bool:
    """Whether the table has a file of that path."""
    if is_remote(table.uri):
        return bool(_session(table.uri, options_of(table)).contains(path))
    return (Path(table.uri) / path).exists()


def remove(table: lance.LanceDataset, path: str) -> None:
    """Removes a file of the table; one that is gone already is fine."""
    if is_remote(table.uri):
        with suppress(FileNotFoundError):
            _session(table.uri, options_of(table)).delete_file(path)
    else:
        (Path(table.uri) / path).unlink(missing_ok=True)


def remove_folder(table: lance.LanceDataset, folder: str) -> None:
    """Removes a folder of files of the table."""
    for name in names_in(table, folder):
        remove(table, f"{folder}/{name}")
    if not is_remote(table.uri):
        with suppress(FileNotFoundError):
            (Path(table.uri) / folder).rmdir()


def _session(location: str, options: Options | None) -> LanceFileSession:
    return LanceFileSession(location, storage_options=dict(options or {}))
