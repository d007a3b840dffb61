"""Every change there is. Decoding, the published document, planning, the command line and the docs follow from this."""

from domain.changes.add_column import AddColumn
from domain.changes.alter_column_nullability import AlterColumnNullability
from domain.changes.change_column_type import ChangeColumnType
from domain.changes.drop_column import DropColumn
from domain.changes.rename_column import RenameColumn

AnyChange = AddColumn | DropColumn | RenameColumn | ChangeColumnType | AlterColumnNullability
