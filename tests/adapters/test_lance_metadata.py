"""What others said of a table and its columns stays, but for what is said of a type that a column no longer has."""

from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from domain.plan import Plan
from tests.contracts.engines.drivers import LanceDriver, migrate
from tests.domain.planning import add, change, drop, nullability, planned, rename, retype

UUIDS = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, None, b"1" * 16], pa.binary(16)))
TEXTS = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', None, "[1]"]))


def made(folder: Path, table: pa.Table, **how: Any) -> LanceDriver:
    driver = LanceDriver(folder)
    lance.write_dataset(table, driver.location, max_rows_per_file=2, **how)
    return driver


def known(driver: LanceDriver) -> Any:
    return driver.engine.inspect(driver.location).schema


def plan_of(driver: LanceDriver, *operations: dict[str, Any]) -> Plan:
    return planned(*operations, schema=known(driver), rows=3, profile=driver.engine.profile)


def with_everything() -> pa.Table:
    """Columns with metadata and names of their own at every depth, some of types that we have no word for."""
    item = pa.field("element", pa.int32(), metadata={"unit": "kg"})
    struct = pa.struct(
        [
            pa.field("n", pa.int32(), metadata={"of": "n"}),
            pa.field("l", pa.list_(item), metadata={"of": "l"}),
            pa.field("u", pa.uuid()),
            pa.field("j", pa.json_()),
        ]
    )
    schema = pa.schema(
        [
            pa.field("id", pa.int64(), metadata={"key": "yes"}),
            pa.field("l", pa.list_(item), metadata={"a": "b"}),
            pa.field("m", pa.map_(pa.utf8(), pa.field("worth", pa.int32(), metadata={"c": "d"}))),
            pa.field("s", struct, metadata={"e": "f"}),
            pa.field("u", pa.uuid(), metadata={"g": "h"}),
            pa.field("j", pa.json_()),
            pa.field("x", pa.utf8(), metadata={"lance-encoding:compression": "zstd", "i": "k"}),
        ],
        metadata={"owner": "somebody"},
    )
    structs = pa.StructArray.from_arrays(
        [pa.array([1, 2, 3], pa.int32()), pa.array([[1], None, []], pa.list_(item)), UUIDS, TEXTS],
        fields=list(struct),
        mask=pa.array([False, True, False]),
    )
    columns = [
        pa.array([1, 2, 3]),
        pa.array([[1, None], None, []], pa.list_(item)),
        pa.array([[("a", 1)], None, []], schema.field("m").type),
        structs,
        UUIDS,
        TEXTS,
        pa.array(["1", "2", None]),
    ]
    return pa.table(columns, schema=schema)


CHANGES: dict[str, list[dict[str, Any]]] = {
    "a new column with values": [add("d", "int32", defaultValue=2)],
    "a name that goes from one column to another": [
        rename("x", "y"),
        rename("l", "x"),
        add("d", "int32", defaultValue=2),
    ],
    "an opaque column under another's name": [
        rename("x", "y"),
        rename("u", "x"),
        rename("j", "u"),
        add("d", "int8", defaultValue=1),
    ],
    "a cast beside": [retype("id", "int64", "int32")],
    "nullability of a list": [nullability("l", False, fillNullsWith=[7])],
    "a cast inside a struct": [retype("s.n", "int32", "int64")],
    "a rename inside a struct": [rename("s.l", "s.list")],
    "a new field inside a struct": [add("s.more", "utf8", position=0)],
    "a cast of a list": [retype("l", "list<int32>", "list<int64>")],
    "a drop": [drop("x"), drop("j")],
    "only metadata": [rename("u", "uuid"), change("reorder_column", name="s", position=0)],
}


@pytest.mark.parametrize("operations", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("storage", ["2.1", "2.2"])
def test_what_a_migration_does_not_name_is_the_same_afterwards(
    tmp_path: Path, operations: list[dict[str, Any]], storage: str
) -> None:
    table = with_everything() if storage == "2.2" else with_everything().drop_columns(["m"])
    driver = made(tmp_path, table, data_storage_version=storage)
    before = lance.dataset(driver.location)
    job = migrate(driver, known(driver), *operations)
    after = lance.dataset(driver.location)
    named = {old.name: new.name for old in job.source.columns for new in job.target.columns if old.id == new.id}
    touched = {
        old.name
        for old in job.source.columns
        for new in job.target.columns
        if old.id == new.id and old.data_type != new.data_type
    }
    for old, new in named.items():
        if old in touched or "nullability" in str(operations):
            continue
        assert (
            after.to_table(columns=[new]).column(0).to_pylist() == before.to_table(columns=[old]).column(0).to_pylist()
        )
        wanted = before.schema.field(old).with_name(new)
        assert after.schema.field(new).equals(wanted, check_metadata=True), new
    assert {k: v for k, v in after.schema.metadata.items() if not k.startswith(b"schemaledger")} == {
        b"owner": b"somebody"
    }
    assert known(driver) == known(driver.restarted())


def test_names_and_metadata_inside_what_is_changed_stay(tmp_path: Path) -> None:
    driver = made(tmp_path, with_everything())
    migrate(driver, known(driver), retype("s.n", "int32", "int64"), retype("l", "list<int32>", "list<int64>"))
    after = lance.dataset(driver.location).schema
    assert after.field("l").equals(
        pa.field("l", pa.list_(pa.field("element", pa.int64(), metadata={"unit": "kg"})), metadata={"a": "b"}),
        check_metadata=True,
    )
    before = with_everything().schema.field("s")
    inner = [pa.field("n", pa.int64(), metadata={"of": "n"}), *list(before.type)[1:]]
    assert after.field("s").equals(before.with_type(pa.struct(inner)), check_metadata=True)


def test_metadata_of_the_old_type_goes_with_it_and_the_plan_says_so(tmp_path: Path) -> None:
    driver = made(tmp_path, with_everything())
    plan = plan_of(driver, retype("x", "utf8", "int32"))
    assert "lance-encoding:compression belongs to the old type" in plan.hazards[0].message
    migrate(driver, known(driver), retype("x", "utf8", "int32"))
    assert lance.dataset(driver.location).schema.field("x").metadata == {b"i": b"k"}
    assert known(driver).column("x").metadata == plan.target.column("x").metadata


OPAQUE_CHANGES = [
    (retype("u", "fixed_size_binary[16]", "binary"), "cast_refused"),
    (nullability("u", False), "column_opaque"),
    (change("set_column_default", name="u", defaultValue="x"), "default_not_valid"),
    (change("add_scalar_index", column="u", indexType="btree"), "index_type_refused"),
    (change("set_primary_key", columns=["u"]), "column_opaque"),
]


@pytest.mark.parametrize(("operation", "code"), OPAQUE_CHANGES, ids=[case[0]["type"] for case in OPAQUE_CHANGES])
def test_a_change_of_an_opaque_column_is_refused_by_its_name(tmp_path: Path, operation: Any, code: str) -> None:
    driver = made(tmp_path, with_everything())
    found = plan_of(driver, operation).violations
    assert code in {one.code for one in found}
    assert all("'u'" in one.message or "opaque" in one.message for one in found)


KEY = "lance-schema:unenforced-primary-key"


def keyed(folder: Path) -> LanceDriver:
    """A table whose key Lance itself knows."""
    schema = pa.schema([pa.field("id", pa.int64(), False, metadata={KEY: "true"}), pa.field("v", pa.int32())])
    return made(folder, pa.table({"id": [1, 2, 3], "v": [1, 2, 3]}, schema=schema))


def test_the_engines_own_key_survives_a_cast(tmp_path: Path) -> None:
    driver = keyed(tmp_path)
    migrate(driver, known(driver), retype("id", "int64", "int32"), rename("id", "key"))
    (field, _) = lance.dataset(driver.location).lance_schema.fields()
    assert (field.name(), field.is_unenforced_primary_key()) == ("key", True)
    assert lance.dataset(driver.location).to_table()["key"].to_pylist() == [1, 2, 3]


def test_a_column_of_the_engines_own_key_does_not_become_nullable(tmp_path: Path) -> None:
    driver = keyed(tmp_path)
    (found,) = plan_of(driver, nullability("id", True)).violations
    assert (found.code, KEY in found.message) == ("column_in_primary_key", True)


def test_a_frame_of_pandas_is_read_after_its_columns_changed(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"n": [1, 2, 3], "c": pd.Categorical(["a", "b", "a"]), "t": ["x", "y", "z"]})
    frame = frame.set_index(pd.Index([10, 20, 31], name="i"))
    driver = made(tmp_path, pa.Table.from_pandas(frame.assign(c=frame["c"].astype(str))))
    migrate(driver, known(driver), rename("n", "number"), retype("i", "int64", "int32"), drop("t"))
    read = lance.dataset(driver.location).to_table().to_pandas()
    assert (read.index.name, list(read.columns)) == ("i", ["number", "c"])
    migrate(driver, known(driver), rename("i", "key"))
    assert lance.dataset(driver.location).to_table().to_pandas().index.name == "key"
    migrate(driver, known(driver), drop("key"))
    assert list(lance.dataset(driver.location).to_table().to_pandas().columns) == ["number", "c"]


def test_a_column_that_cannot_be_copied_is_not_copied(tmp_path: Path) -> None:
    blobs = pa.table(
        [pa.array([1, 2, 3]), lance.blob_array([b"x", None, b"y"]), pa.array(["a", "b", "c"])],
        schema=pa.schema([pa.field("id", pa.int64()), lance.blob_field("b"), pa.field("x", pa.utf8())]),
    )
    driver = made(tmp_path, blobs, data_storage_version="2.2")
    taking_over = [rename("x", "y"), rename("b", "x")]
    (found,) = plan_of(driver, *taking_over, add("d", "int32", defaultValue=2)).violations
    assert (found.code, "'x'" in found.message) == ("column_not_copied", True)
    assert plan_of(driver, *taking_over).is_valid
    migrate(
        driver, known(driver), rename("b", "blob"), add("d", "int32", defaultValue=2), retype("x", "utf8", "large_utf8")
    )
    read = lance.dataset(driver.location).take_blobs("blob", indices=[0, 2])
    assert [one.read() for one in read] == [b"x", b"y"]
