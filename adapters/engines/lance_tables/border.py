"""Where Lance's errors become ours, and tables are opened. pylance 14."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import lance
import pyarrow as pa
from lance.commit import CommitConflictError

from adapters.engines.lance_tables.places import Options, is_free
from domain.errors import (
    DeletedRowsInTheWay,
    EngineRefused,
    EngineUnavailable,
    Refusal,
    TableChanged,
    TableNotFoundAtLocation,
    TableUnreadable,
)

ENGINE = "lance"
NO_OPTIONS: Options = {}
SECRET = re.compile("key|secret|token|password|credential|sas", re.IGNORECASE)
"""Which options hold what nobody is to read."""
CLOUDS = ("AWS_", "AZURE_", "GOOGLE_")
NO_TABLE = re.compile(r"Dataset at path .* was not found")
PASSING = re.compile(
    r"timed? ?out|connect|no space left|disk quota|too many open files|temporar|throttl|slow ?down|\b50[0234]\b|"
    r"reset by peer|broken pipe|error sending request|credential|access ?denied|permission denied",
    re.IGNORECASE,
)
"""What stores and disks say of themselves. Rights may be given back while an operation waits."""
LASTING = re.compile(r"invalid user input|not supported|not yet implemented|LanceError\((?!IO)", re.IGNORECASE)
DAMAGED = re.compile(r"not found|too small|protobuf|invalid range|corrupt|magic|unexpected end", re.IGNORECASE)
UNMASKED_NULLS = "Found unmasked nulls for non-nullable"


@contextmanager
def border(location: str, options: Options = NO_OPTIONS) -> Iterator[None]:
    """No error of Lance or Arrow gets past here, and no value of the options in what it says."""
    try:
        yield
    except (ValueError, OSError, RuntimeError, NotImplementedError, pa.ArrowException) as error:
        raise _named(error, location, options) from error
    except BaseException as error:
        # A panic of the library's Rust side is no Exception, and its type has no name to import.
        if type(error).__name__ != "PanicException":
            raise
        raise EngineRefused(ENGINE, f"the library panicked: {said(error, options)}") from error


def open_table(location: str, options: Options = NO_OPTIONS) -> lance.LanceDataset:
    """The latest version. Raises TableNotFoundAtLocation where no table is, TableUnreadable where one is damaged."""
    try:
        return lance.dataset(location, storage_options=dict(options) or None)
    except (ValueError, OSError, RuntimeError) as error:
        if NO_TABLE.search(str(error)):
            raise TableNotFoundAtLocation(ENGINE, location) from error
        if is_passing(error):
            raise EngineUnavailable(ENGINE, said(error, options)) from error
        raise TableUnreadable(ENGINE, location, said(error, options)) from error


def is_passing(error: BaseException) -> bool:
    """Whether the same call may succeed later: a store or a disk was in the way, and nothing of the table itself."""
    # Without the positions in its source that the library ends with: 503 is a line there.
    text = said(error)
    return bool(PASSING.search(text)) or (
        isinstance(error, OSError | RuntimeError) and not (LASTING.search(text) or DAMAGED.search(text))
    )


def _named(error: Exception, location: str, options: Options) -> Refusal:
    """What the library's error means here. Its types say little: most are a ValueError or an OSError."""
    sentence = said(error, options)
    if isinstance(error, CommitConflictError):
        return TableChanged(location, sentence)
    if UNMASKED_NULLS in str(error):
        # Updating a fragment, Lance (pylance 14) reads deleted rows along, which a scan does not.
        return DeletedRowsInTheWay(ENGINE, location)
    if is_passing(error):
        return EngineUnavailable(ENGINE, sentence)
    if DAMAGED.search(str(error)):
        return TableUnreadable(ENGINE, location, sentence)
    return EngineRefused(ENGINE, sentence)


def problem_of_root(root: str, options: Options) -> str | None:
    """What stands in the way of looking into a prefix of an object store; None where nothing does."""
    try:
        with border(root, options):
            is_free(root, options)
    except EngineUnavailable as refusal:
        return str(refusal)
    return None


def said(error: BaseException, options: Options = NO_OPTIONS) -> str:
    """What the error says, without the source positions of the library it ends with, and without secrets."""
    line = (str(error).splitlines() or [type(error).__name__])[0].partition(", /")[0]
    for name, value in (*options.items(), *_environment()):
        if value and SECRET.search(name):
            line = line.replace(value, "***")
    return line[:300]


def _environment() -> Iterator[tuple[str, str]]:
    """What Lance takes for options that are not given."""
    return ((name, value) for name, value in os.environ.items() if name.startswith(CLOUDS))
