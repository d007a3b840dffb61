"""Every change there is. Decoding, the published document, planning, the command line and the docs follow from this."""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from domain.changes.add_column import AddColumn
from domain.changes.add_scalar_index import AddScalarIndex
from domain.changes.add_vector_index import AddVectorIndex
from domain.changes.alter_column_nullability import AlterColumnNullability
from domain.changes.change_column_type import ChangeColumnType
from domain.changes.drop_column import DropColumn
from domain.changes.drop_column_default import DropColumnDefault
from domain.changes.drop_primary_key import DropPrimaryKey
from domain.changes.drop_scalar_index import DropScalarIndex
from domain.changes.drop_vector_index import DropVectorIndex
from domain.changes.rename_column import RenameColumn
from domain.changes.reorder_column import ReorderColumn
from domain.changes.restore_column import RestoreColumn
from domain.changes.set_column_comment import SetColumnComment
from domain.changes.set_column_default import SetColumnDefault
from domain.changes.set_primary_key import SetPrimaryKey

AnyChange = (
    AddColumn
    | DropColumn
    | RenameColumn
    | ChangeColumnType
    | AlterColumnNullability
    | SetPrimaryKey
    | DropPrimaryKey
    | ReorderColumn
    | SetColumnDefault
    | DropColumnDefault
    | SetColumnComment
    | AddScalarIndex
    | DropScalarIndex
    | AddVectorIndex
    | DropVectorIndex
    | RestoreColumn
)


def as_sent(changes: Sequence[AnyChange]) -> Raw:
    """Changes as a caller would have sent them, without the members that say nothing."""
    return Raw(msgspec.json.encode(tuple(changes)))
