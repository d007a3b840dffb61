"""From differences and chapters to their shapes on the wire."""

from typing import Any

import msgspec

from api.http import past_wire as wire
from api.http.answers import field_body, id_text, present
from domain.diff import (
    ColumnAdded,
    ColumnDropped,
    ColumnsReordered,
    Difference,
    IndexAdded,
    IndexDropped,
    PrimaryKeyChanged,
    describe,
)
from domain.history import ChapterView
from domain.schema import Index


def difference_body(difference: Difference) -> wire.DifferenceBody:
    """With what was before and what is after, as far as there is either."""
    return wire.DifferenceBody(
        type=str(difference.__struct_config__.tag), description=describe(difference), **_members(difference)
    )


def chapter_body(view: ChapterView) -> wire.ChapterBody:
    chapter = view.chapter
    if not chapter.alive:
        event = "dropped"
    elif any(isinstance(difference, ColumnAdded) for difference in chapter.differences):
        event = "restored" if chapter.restored else "born"
    else:
        event = "changed"
    return wire.ChapterBody(
        event=event,  # type: ignore[arg-type]
        version_number=view.version,
        name=chapter.name,
        applied_at=view.effective_at,
        known_at=view.known_at,
        position=view.position,
        changes=tuple(map(difference_body, chapter.differences)),
        migration_id=id_text(view.migration_id),
        created_by=present(view.created_by),
        adopted_by=present(view.adopted_by),
        description=present(view.description),
    )


def _members(difference: Difference) -> dict[str, Any]:
    match difference:
        case ColumnAdded():
            column = difference.column
            return {"name": column.name, "field_id": column.id, "after": msgspec.to_builtins(field_body(column))}
        case ColumnDropped():
            column = difference.column
            return {"name": column.name, "field_id": column.id, "before": msgspec.to_builtins(field_body(column))}
        case IndexAdded():
            return {"name": difference.index.name, "after": _index(difference.index)}
        case IndexDropped():
            return {"name": difference.index.name, "before": _index(difference.index)}
        case ColumnsReordered():
            return {"after": difference.after}
        case PrimaryKeyChanged():
            return {"before": difference.before, "after": difference.after}
        case _:
            name = getattr(difference, "name", difference.after)
            ids = {"name": name, "field_id": difference.field_id}
            return {**ids, "before": difference.before, "after": difference.after}


def _index(index: Index) -> dict[str, Any]:
    """By the ids of its columns, whose names change."""
    metric = {} if index.metric is None else {"metric": index.metric}
    return {"name": index.name, "indexType": index.index_type, "fieldIds": index.column_ids, **metric}
