"""Files of tables, on this machine and in object stores, by what Lance itself reads and writes with."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

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
    return _names_at(table.uri, folder, options_of(table))


def _names_at(location: str, folder: str, options: Options | None) -> set[str]:
    if is_remote(location):
        return {path.rpartition("/")[2] for path in _session(location, options).list(folder or None)}
    place = Path(location) / folder
    return {path.name for path in place.iterdir()} if place.exists() else set()


def is_there(table: lance.LanceDataset, path: str) -> bool:
    """Whether the table has a file of that path."""
    if is_remote(table.uri):
        return bool(_session(table.uri, options_of(table)).contains(path))
    return (Path(table.uri) / path).exists()


def base_of(table: lance.LanceDataset, base_id: int | None) -> str:
    """Where a file or an index of that base lies: in the table itself, or in the one that it was cloned from."""
    if base_id is None:
        return str(table.uri)
    return str(table.base_paths()[base_id].path).removeprefix("file://")


def data_files(table: lance.LanceDataset, base_ids: Collection[int | None]) -> set[tuple[int | None, str]]:
    """The data files that are there, in the table itself (None) and in other bases, by base and name."""
    found = set[tuple[int | None, str]]()
    for base_id in base_ids:
        place = base_of(table, base_id)
        whole = base_id is None or table.base_paths()[base_id].is_dataset_root
        found.update((base_id, name) for name in _names_at(place, "data" if whole else "", options_of(table)))
    return found


def remove(table: lance.LanceDataset, path: str) -> None:
    """Removes a file of the table; one that is gone already is fine."""
    if is_remote(table.uri):
        with suppress(FileNotFoundError):
            _session(table.uri, options_of(table)).delete_file(path)
    else:
        (Path(table.uri) / path).unlink(missing_ok=True)


def remove_folder(table: lance.LanceDataset, folder: str) -> None:
    """Removes a folder of the table with all in it; one that is gone already is fine."""
    if is_remote(table.uri):
        session = _session(table.uri, options_of(table))
        for path in session.list(folder):
            with suppress(FileNotFoundError):
                session.delete_file(path)
    else:
        rmtree(Path(table.uri) / folder, ignore_errors=True)


def _session(location: str, options: Options | None) -> LanceFileSession:
    return LanceFileSession(location, storage_options=dict(options or {}))
