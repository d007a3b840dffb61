"""Where tables may lie: folders under the allowed roots of this machine, and prefixes of object stores."""

import re
from collections.abc import Sequence
from errno import ELOOP
from pathlib import Path
from uuid import UUID

from domain.errors import LocationNotAllowed

SCHEMES = ("s3", "gs", "az")
"""Object stores that engines can reach."""
OBJECT_KEY = re.compile(rf"({'|'.join(SCHEMES)})://([a-z0-9][a-z0-9._-]*)((?:/[A-Za-z0-9!_.*'()=+@,-]+)*)/*")
"""A bucket and a key without what would have to be escaped, by a URL or by a path."""


LONGEST_NAME, LONGEST_PATH = 255, 3_000
"""Bytes; a table's own files lie below, and 4,096 are the most that systems take."""


class RootedLocations:
    """Implements ``Locations``.

    Where tables that the service makes by itself lie: under the first of ``roots``, folders of this machine, or if
    there is none, of ``object_roots``, like ``s3://bucket/prefix``. Raises ValueError for an object root that is none.
    """

    def __init__(self, roots: Sequence[Path], object_roots: Sequence[str] = ()) -> None:
        self._roots = tuple(root.resolve() for root in roots)
        self._object_roots = tuple(map(object_prefix, object_roots))

    def managed(self, table_id: UUID, engine: str, name: str) -> str:
        readable = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40].strip("-") or "table"
        return self._first(f"{readable}-{table_id}.{engine}")

    def allowed(self, location: str) -> str:
        # "~" is a name here, where everybody else's home is meant.
        if "\0" in location or not location.strip() or location.startswith("~"):
            raise self._refusal(location)
        if "://" in location or not self._roots:
            return self._allowed_object(location if "://" in location else self._first(location))
        path = Path(location)
        # Relative locations are meant from the first root; links are followed before the roots are compared.
        try:
            resolved = (path if path.is_absolute() else self._roots[0] / path).resolve()
            is_too_long = len(bytes(resolved)) > LONGEST_PATH or any(
                len(part.encode()) > LONGEST_NAME for part in resolved.parts
            )
        except (OSError, RuntimeError, ValueError):
            # Links that lead in a circle, names that are too long or no text, folders that one may not look into.
            raise self._refusal(location) from None
        is_outside = not any(root in resolved.parents for root in self._roots)
        if is_too_long or is_outside or _is_loop(resolved):
            raise self._refusal(location)
        return str(resolved)

    def _allowed_object(self, location: str) -> str:
        try:
            found = object_prefix(location)
        except ValueError:
            raise self._refusal(location) from None
        if not any(found.startswith(f"{root}/") for root in self._object_roots):
            raise self._refusal(location)
        return found

    def _first(self, name: str) -> str:
        return str(self._roots[0] / name) if self._roots else f"{self._object_roots[0]}/{name}"

    def _refusal(self, location: str) -> LocationNotAllowed:
        return LocationNotAllowed(location, ", ".join((*map(str, self._roots), *self._object_roots)))


def _is_loop(resolved: Path) -> bool:
    """Whether links are left that cannot be followed."""
    try:
        resolved.lstat()
    except OSError as error:
        return error.errno == ELOOP
    return resolved.is_symlink()


def object_prefix(text: str) -> str:
    """The location in its one normal form. Raises ValueError, for ``..`` and empty names among others."""
    found = OBJECT_KEY.fullmatch(text)
    if found is None or any(part in (".", "..") for part in found[3].split("/")):
        raise ValueError(f"'{text}' is no prefix of an object store like s3://bucket/folder.")
    return f"{found[1]}://{found[2]}{found[3]}"
