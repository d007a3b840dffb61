"""A remembered table is the one that the log tells, whenever it was remembered."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from domain.handlers.remembering import NOTHING, Known, TableMemory
from domain.schema import Column, Schema, fingerprint, schema_of
from domain.table.decider import Managed, fold
from domain.table.events import MigrationQueued, MigrationWithdrawn, SchemaChanged, TableFact, TableRegistered

SCHEMA = schema_of((Column(id=0, name="id", data_type="int64"),), ("id",))


def registered(name: str = "people") -> TableRegistered:
    return TableRegistered(
        dataset_id="d",
        name=name,
        engine="lance",
        location=f"/tables/{name}",
        created=True,
        schema=SCHEMA,
        fingerprint=fingerprint(SCHEMA),
    )


def life(outcomes: list[bool]) -> list[TableFact]:
    """A table with a migration for each outcome, queued and then published or withdrawn."""
    facts: list[TableFact] = [registered()]
    version, schema = 1, SCHEMA
    for published in outcomes:
        migration = uuid4()
        after = Schema(
            columns=(*schema.columns, Column(id=version + 1, name=f"c{version}", data_type="utf8")),
            primary_key=schema.primary_key,
            last_column_id=version + 1,
        )
        facts.append(
            MigrationQueued(migration_id=migration, operation_id=uuid4(), to_version=version + 1, schema=after)
        )
        if published:
            version, schema = version + 1, after
            facts.append(
                SchemaChanged(migration_id=migration, version=version, schema=schema, fingerprint=fingerprint(schema))
            )
        else:
            facts.append(MigrationWithdrawn(migration_id=migration))
    return facts


@given(outcomes=st.lists(st.booleans(), max_size=6), data=st.data())
def test_whoever_remembers_a_part_and_reads_the_rest_knows_the_table(outcomes: list[bool], data: st.DataObject) -> None:
    table, memory, facts = uuid4(), TableMemory(), life(outcomes)
    for _ in range(3):
        known = memory.of(table)
        until = data.draw(st.integers(known.version, len(facts)))
        caught_up = memory.caught_up(table, known, facts[known.version : until])
        assert caught_up == Known(fold(tuple(facts[:until]), table), until)
        assert memory.of(table) == (caught_up if until else NOTHING)


def test_who_reads_slowly_does_not_make_others_forget() -> None:
    table, memory, facts = uuid4(), TableMemory(), life([True, True])
    memory.caught_up(table, NOTHING, facts)
    memory.caught_up(table, NOTHING, facts[:1])
    assert memory.of(table).version == len(facts)


def test_no_more_tables_are_remembered_than_there_is_room_for() -> None:
    memory, tables = TableMemory(most=2), [uuid4() for _ in range(3)]
    for table in tables:
        memory.caught_up(table, NOTHING, [registered()])
    assert [memory.of(table) == NOTHING for table in tables] == [True, True, False]
    assert isinstance(memory.of(tables[2]).state, Managed)
