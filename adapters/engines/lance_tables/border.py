"""Where Lance's errors become ours, and tables are opened. pylance 14."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import lance
import pyarrow as pa
from lance.commit import CommitConflictError

from adapters.engines.lance_tables.places import Options, is_free, is_remote
from domain.errors import DeletedRowsInTheWay, EngineUnavailable, TableChanged, TableNotFoundAtLocation

ENGINE = "lance"
NO_OPTIONS: Options = {}
SECRET = re.compile("key|secret|token|password|credential|sas", re.IGNORECASE)
"""Which options hold what nobody is to read."""
CLOUDS = ("AWS_", "AZURE_", "GOOGLE_")
NOT_FOUND = "was not found"
UNMASKED_NULLS = "Found unmasked nulls for non-nullable"


@contextmanager
def border(location: str, options: Options = NO_OPTIONS) -> Iterator[None]:
    """No error of Lance or Arrow gets past here, and no value of the options in what it says."""
    try:
        yield
    except CommitConflictError as error:
        raise TableChanged(location, said(error, options)) from error
    except ValueError as error:
        # Updating a fragment, Lance (pylance 14) reads deleted rows along, which a scan does not.
        if UNMASKED_NULLS in str(error):
            raise DeletedRowsInTheWay(ENGINE, location) from error
        raise EngineUnavailable(ENGINE, said(error, options)) from error
    except (OSError, RuntimeError, pa.ArrowException) as error:
        raise EngineUnavailable(ENGINE, said(error, options)) from error
    except BaseException as error:
        # A panic of the library's Rust side is no Exception, and its type has no name to import.
        if type(error).__name__ != "PanicException":
            raise
        raise EngineUnavailable(ENGINE, f"the library panicked: {said(error, options)}") from error


def open_table(location: str, options: Options = NO_OPTIONS) -> lance.LanceDataset:
    """The latest version. Raises TableNotFoundAtLocation."""
    try:
        return lance.dataset(location, storage_options=dict(options) or None)
    except (ValueError, FileNotFoundError) as error:
        if is_remote(location) and NOT_FOUND not in str(error):
            # A store that cannot be reached, or lets us in no more, says nothing of the table.
            raise EngineUnavailable(ENGINE, said(error, options)) from error
        raise TableNotFoundAtLocation(ENGINE, location) from error
    except OSError as error:
        raise EngineUnavailable(ENGINE, said(error, options)) from error


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
