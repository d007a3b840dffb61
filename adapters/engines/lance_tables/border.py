"""Where Lance's errors become ours, and tables are opened. pylance 14."""

from collections.abc import Iterator
from contextlib import contextmanager

import lance
import pyarrow as pa
from lance.commit import CommitConflictError

from domain.errors import DeletedRowsInTheWay, EngineUnavailable, TableChanged, TableNotFoundAtLocation

ENGINE = "lance"
UNMASKED_NULLS = "Found unmasked nulls for non-nullable"


@contextmanager
def border(location: str) -> Iterator[None]:
    """No error of Lance or Arrow gets past here."""
    try:
        yield
    except CommitConflictError as error:
        raise TableChanged(location, first_line(error)) from error
    except ValueError as error:
        # Updating a fragment, Lance (pylance 14) reads deleted rows along, which a scan does not.
        if UNMASKED_NULLS in str(error):
            raise DeletedRowsInTheWay(ENGINE, location) from error
        raise EngineUnavailable(ENGINE, first_line(error)) from error
    except (OSError, RuntimeError, pa.ArrowException) as error:
        raise EngineUnavailable(ENGINE, first_line(error)) from error
    except BaseException as error:
        # A panic of the library's Rust side is no Exception, and its type has no name to import.
        if type(error).__name__ != "PanicException":
            raise
        raise EngineUnavailable(ENGINE, f"the library panicked: {first_line(error)}") from error


def open_table(location: str) -> lance.LanceDataset:
    """The latest version. Raises TableNotFoundAtLocation."""
    try:
        return lance.dataset(location)
    except (ValueError, FileNotFoundError) as error:
        raise TableNotFoundAtLocation(ENGINE, location) from error
    except OSError as error:
        raise EngineUnavailable(ENGINE, first_line(error)) from error


def first_line(error: BaseException) -> str:
    """What the error says, without the source positions of the library it ends with."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return line.partition(", /")[0][:300]
