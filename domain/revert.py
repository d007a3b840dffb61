"""The changes that undo a migration on the table as it is now, which may have changed further since.

What somebody changed again since is not touched: it is reported, and that later migration is to be reverted first.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from msgspec import Struct, convert
from msgspec.structs import replace

from domain.changes.catalogue import AnyChange
from domain.column_types import StructOf
from domain.diff import (
    ColumnAdded,
    ColumnDropped,
    ColumnRenamed,
    ColumnRetyped,
    ColumnsReordered,
    CommentChanged,
    Difference,
    IndexAdded,
    IndexDropped,
    NullabilityChanged,
    PrimaryKeyChanged,
    WriteDefaultChanged,
    diff,
)
from domain.fields import segment
from domain.literals import same_value
from domain.naming import camel
from domain.nested import fields_of
from domain.schema import Column, Index, Schema

D = TypeVar("D", bound=Difference)


class Reversal(Struct, frozen=True, kw_only=True):
    """``changes`` undo the migration; ``superseded`` says what of it was changed again since and stands in the way."""

    changes: tuple[AnyChange, ...]
    superseded: tuple[str, ...]


def reversal(before: Schema, after: Schema, now: Schema, before_version: int) -> Reversal:
    """For the migration that led from ``before``, schema version ``before_version``, to ``after``."""
    back = _Way(now, before, before_version, diff(after, before))
    return Reversal(changes=_made(back), superseded=tuple(back.superseded))


def way(before: Schema, after: Schema) -> tuple[AnyChange, ...]:
    """Changes that lead from one schema to another, as far as there are words for it."""
    return _made(_Way(before, after, None, diff(before, after)))


def _made(way: "_Way") -> tuple[AnyChange, ...]:
    return tuple(convert({"type": type_, "params": params}, AnyChange) for type_, params in way.changes())


Made = tuple[str, dict[str, Any]]
"""A change's type and its params, as they stand on the wire."""


class _Way:
    """Changes being put together: ``now`` is what they begin with, ``_order`` and ``_names`` how far they are.

    ``target`` is what the differences lead to.
    ``version`` is the schema version that columns are restored from; None makes them anew.
    """

    def __init__(self, now: Schema, target: Schema, version: int | None, differences: Sequence[Difference]) -> None:
        self._now, self._target, self._version, self._differences = now, target, version, differences
        self._names = {column.id: column.name for column in now.columns}
        self._order = [column.id for column in now.columns]
        self._last: str | None = None
        self.superseded = list[str]()

    def changes(self) -> Iterator[Made]:
        """In an order in which each finds its names free and its columns there."""
        yield from self._drop_indexes()
        keys = self._of(PrimaryKeyChanged)
        if keys and self._now.primary_key:
            yield "drop_primary_key", {}
        yield from self._drop_columns()
        yield from self._rename()
        yield from self._restore()
        if self._last is not None:
            yield "drop_column", {"name": self._last}
        yield from self._declare()
        yield from self._move()
        for key in keys:
            if names := [self._names[column_id] for column_id in key.field_ids if column_id in self._names]:
                yield "set_primary_key", {"columns": names}
        yield from self._add_indexes()

    def _of(self, kind: type[D]) -> list[D]:
        return [difference for difference in self._differences if isinstance(difference, kind)]

    def _column(self, column_id: int) -> Column | None:
        """The column as it is now; None when it is gone, or was gone before."""
        return self._now.by_id(column_id)

    def _stands(self, column: Column, what: str, now: Any, then: Any, wanted: Any) -> bool:
        """Whether something of the column is still what the migration made it; notes it when it is a third thing."""
        if same_value(now, then):
            return not same_value(now, wanted)
        if not same_value(now, wanted):
            self.superseded.append(f"the {what} of column '{column.name}' was changed again since")
        return False

    def _drop_indexes(self) -> Iterator[Made]:
        for gone in self._of(IndexDropped):
            if gone.index in self._now.indexes:
                yield f"drop_{_kind(gone.index)}_index", {"name": gone.index.name}

    def _drop_columns(self) -> Iterator[Made]:
        gone = [one.column.id for one in self._of(ColumnDropped) if one.column.id in self._names]
        if gone and len(gone) == len(self._names):
            # A table keeps one column at least, so the last one goes when others have come back.
            last = gone.pop()
            yield "rename_column", {"oldName": self._names[last], "newName": f"{self._names[last]} (reverted)"}
            self._last = f"{self._names.pop(last)} (reverted)"
            self._order.remove(last)
        for column_id in gone:
            self._order.remove(column_id)
            yield "drop_column", {"name": self._names.pop(column_id)}

    def _rename(self) -> Iterator[Made]:
        """One after the other as names become free; where names were swapped, by way of a name that nobody has."""
        wanted = {
            renamed.field_id: renamed.after
            for renamed in self._of(ColumnRenamed)
            if (column := self._column(renamed.field_id)) is not None
            and self._stands(column, "name", column.name, renamed.before, renamed.after)
        }
        while wanted:
            taken = set(self._names.values())
            free = [column_id for column_id, name in wanted.items() if name not in taken]
            blocked_for_good = not free and not taken.intersection(wanted.values()) & {
                self._names[column_id] for column_id in wanted
            }
            column_id = free[0] if free else next(iter(wanted))
            aside = not free and not blocked_for_good
            name = f"{self._names[column_id]} (reverted)" if aside else wanted.pop(column_id)
            yield "rename_column", {"oldName": self._names[column_id], "newName": name}
            self._names[column_id] = name

    def _restore(self) -> Iterator[Made]:
        for lost in self._of(ColumnAdded):
            column = lost.column
            if column.id not in self._names:
                self._names[column.id] = column.name
                place = min(lost.position, len(self._order))
                self._order.insert(place, column.id)
                if self._version is None:
                    described = {"dataType": column.data_type, "nullable": column.nullable, "comment": column.comment}
                    yield "add_column", {"name": column.name, **described, "position": place}
                else:
                    yield "restore_column", {"name": column.name, "version": self._version, "position": place}

    def _declare(self) -> Iterator[Made]:
        """Types, nullability, defaults and comments; a default that the old type may not hold goes before it."""
        for default in self._of(WriteDefaultChanged):
            column = self._column(default.field_id)
            stands = column and self._stands(column, "default", column.write_default, default.before, default.after)
            if column and stands and column.write_default is not None:
                yield "drop_column_default", {"name": self._names[column.id]}
        for typed in self._of(ColumnRetyped):
            column = self._column(typed.field_id)
            if column and self._stands(column, "type", column.data_type, typed.before, typed.after):
                yield from self._retype(column, typed)
        for allowed in self._of(NullabilityChanged):
            column = self._column(allowed.field_id)
            if column and self._stands(column, "nullability", column.nullable, allowed.before, allowed.after):
                yield "alter_column_nullability", {"name": self._names[column.id], "nullable": allowed.after}
        for default in self._of(WriteDefaultChanged):
            column = self._column(default.field_id)
            if column and default.after is not None and same_value(column.write_default, default.before):
                yield "set_column_default", {"name": self._names[column.id], "defaultValue": default.after}
        for noted in self._of(CommentChanged):
            column = self._column(noted.field_id)
            if column and self._stands(column, "comment", column.comment, noted.before, noted.after):
                yield "set_column_comment", {"name": self._names[column.id], "comment": noted.after}

    def _retype(self, column: Column, typed: ColumnRetyped) -> Iterator[Made]:
        """A struct is taken back field by field, so that what was renamed keeps its values."""
        name = self._names[column.id]
        wanted = replace(column, data_type=typed.after, field_ids=typed.after_ids)
        if not (isinstance(column.type, StructOf) and isinstance(wanted.type, StructOf) and typed.after_ids):
            yield "change_column_type", {"name": name, "oldType": typed.before, "newType": typed.after}
            return
        now, then = fields_of(column, column.id), fields_of(wanted, column.id)
        own = {*now.names, *then.names}
        for type_, params in _Way(now, then, None, diff(now, then)).changes():
            paths: dict[str, Any] = {
                # Of a struct inside the struct it is a path already.
                key: f"{name}.{segment(params[key]) if params[key] in own else params[key]}"
                for key in ("name", "oldName", "newName")
                if key in params
            }
            # What was dropped inside comes back without its values, so it cannot demand any.
            open_to_null = {"nullable": True} if type_ == "add_column" else {}
            yield type_, {**params, **paths, **open_to_null}

    def _move(self) -> Iterator[Made]:
        """The columns that were there before, in their old order; those that came since keep their places."""
        for reordered in self._of(ColumnsReordered):
            old = iter([column_id for column_id in reordered.field_ids if column_id in self._names])
            known = set(reordered.field_ids)
            target = [next(old) if column_id in known else column_id for column_id in self._order]
            for place, column_id in enumerate(target):
                if self._order[place] != column_id:
                    self._order.remove(column_id)
                    self._order.insert(place, column_id)
                    yield "reorder_column", {"name": self._names[column_id], "position": place}

    def _add_indexes(self) -> Iterator[Made]:
        """Those whose columns kept their values; one on a column that is restored is for a migration of its own."""
        restored = {lost.column.id for lost in self._of(ColumnAdded)}
        for lost in self._of(IndexAdded):
            index = lost.index
            owners = self._target.owners(index.column_ids)
            if not owners or restored & owners or not self._names.keys() >= owners or self._stands_in_the_way(index):
                continue
            (path, *_), (column_id, *_) = self._target.indexed(index), owners
            name = self._target.named([column_id])[0]
            params: dict[str, Any] = {"column": self._names[column_id] + path.removeprefix(name)}
            settings = dict(index.settings)
            if index.metric is not None:
                params["metric"] = index.metric
                own = [setting for setting in ("num_partitions", "num_sub_vectors") if setting in settings]
                params |= {camel(setting): settings.pop(setting) for setting in own}
            params |= {"settings": settings} if settings else {}
            yield f"add_{_kind(index)}_index", {**params, "indexType": index.index_type, "name": index.name}

    def _stands_in_the_way(self, index: Index) -> bool:
        """Whether an index of that name is there, and is not taken away by the way itself."""
        gone = [one.index.name for one in self._of(IndexDropped) if one.index in self._now.indexes]
        return self._now.index(index.name) is not None and index.name not in gone


def _kind(index: Index) -> str:
    return "scalar" if index.metric is None else "vector"
