"""What several changes must ask alike of a name, a type or a default."""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from domain.changes.change import Found, Hazard, HazardKind, Setting
from domain.column_types import DataType, FixedSizeListOf, Float, ListOf, bare_name, fixed_width, type_names
from domain.engine import EngineProfile
from domain.errors import (
    ColumnAlreadyExists,
    ColumnNameInvalid,
    ColumnNamesDifferInCase,
    ColumnNotFound,
    CommentTooLong,
    DefaultNotValid,
    IndexAlreadyExists,
    IndexSettingInvalid,
    Refusal,
    TypeNotSupported,
    TypeTextInvalid,
)
from domain.literals import check_literal
from domain.requested_types import parse_requested
from domain.schema import Index, IndexSetting, Schema
from domain.type_text import parse_type

MAX_NAME_LENGTH = 255
"""Characters of a column name."""
MAX_COMMENT_LENGTH = 4_000
"""Characters of a column's comment."""
MAX_VALUE_WIDTH = 1 << 24
"""Bytes of one value of a type of fixed size: every reader holds some rows at once."""


def can_hold(profile: EngineProfile, index: Index, data_type: DataType) -> bool:
    """Whether an index may be on a column of that type. An engine that says nothing of the index has no objection."""
    if index.metric is not None:
        return is_vector(data_type)
    while index.index_type in profile.list_indexes and isinstance(data_type, ListOf):
        data_type = data_type.item
    return bare_name(data_type) in profile.scalar_indexes.get(index.index_type, {bare_name(data_type)})


def is_vector(data_type: DataType) -> bool:
    return isinstance(data_type, FixedSizeListOf) and isinstance(data_type.item, Float)


def settings_refused(
    setting: Setting, pointer: str, index_type: str, given: Mapping[str, IndexSetting]
) -> Iterator[Found]:
    """Refuses settings that indexes of that type do not have, and values of another kind."""
    known = setting.profile.index_settings.get(index_type, {})
    for name, value in given.items():
        shown = json.dumps(value)
        if name not in known:
            reason = (
                f"a {index_type} index of the {setting.profile.name} engine has {', '.join(known) or 'no settings'}"
            )
            yield f"{pointer}/{name}", IndexSettingInvalid(name, shown, reason)
        elif not isinstance(value, known[name]) or isinstance(value, bool) is not (known[name] is bool):
            kinds = known[name]
            names = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
            yield f"{pointer}/{name}", IndexSettingInvalid(name, shown, f"it is of type {names}")


def default_index_name(path: str) -> str:
    """``<column>_idx``; the path's dots are underscores."""
    return f"{path.replace('.', '_')}_idx"


def index_name_taken(schema: Schema, pointer: str, name: str) -> Iterator[Found]:
    """Refuses the name of a new index that is malformed or taken."""
    if reason := why_not_a_name(name):
        yield pointer, ColumnNameInvalid(name, reason)
    elif schema.index(name) is not None:
        yield pointer, IndexAlreadyExists(name)


def missing(schema: Schema, pointer: str, name: str) -> Iterator[Found]:
    """Refuses a name the schema has no column for."""
    if schema.find(name) is None:
        yield pointer, ColumnNotFound(name)


def name_taken(
    schema: Schema, setting: Setting, pointer: str, name: str, besides: str | None = None
) -> Iterator[Found]:
    """Refuses a new column name that is malformed or taken; ``besides`` is the name the column gives up.

    A name that the table had before may come back.
    """
    if name not in setting.former_names and (reason := why_not_a_name(name) or why_not_here(name, setting.profile)):
        yield pointer, ColumnNameInvalid(name, reason)
        return
    others = [other for other in schema.names if other != besides]
    if name in others:
        yield pointer, ColumnAlreadyExists(name)
    elif setting.profile.folds_case:
        for other in others:
            if other.casefold() == name.casefold():
                yield pointer, ColumnNamesDifferInCase(name, other, setting.profile.name)


def why_not_a_name(name: str) -> str | None:
    """Why no column is given that name; None where one may be."""
    if not name or name != name.strip():
        return "a name is not empty and neither begins nor ends with white space"
    if len(name) > MAX_NAME_LENGTH:
        return f"a name has at most {MAX_NAME_LENGTH} characters"
    if "." in name:
        return "a dot separates the parts of a nested field's path"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "control characters and lone surrogates are not allowed"
    return None


def why_not_here(name: str, profile: EngineProfile) -> str | None:
    """Why no column of the engine is given that name; None where one may be."""
    if name in profile.reserved_names:
        return f"the {profile.name} engine keeps the name for itself"
    for character in profile.unreadable_characters:
        if character in name:
            return f"the {profile.name} engine cannot read names with {character}"
    return None


def type_refused(setting: Setting, pointer: str, text: str) -> Iterator[Found]:
    """Refuses text that is no type, and types the engine cannot hold."""
    try:
        data_type = parse_requested(text)
    except TypeTextInvalid as refusal:
        yield pointer, refusal
        return
    if (width := fixed_width(data_type)) > MAX_VALUE_WIDTH:
        reason = f"one value would take {width:,} bytes, and at most {MAX_VALUE_WIDTH:,} are allowed"
        yield pointer, TypeNotSupported(setting.profile.name, text, reason)
    lacking = sorted(type_names(data_type) & setting.profile.unsupported_types)
    for name in lacking:
        yield pointer, TypeNotSupported(setting.profile.name, text, f"it has no {name}")
    if not lacking and (kept := setting.profile.kept_as(data_type)) != data_type:
        reason = "it has no such type" if kept is None else f"it would keep it as {kept}; ask for that"
        yield pointer, TypeNotSupported(setting.profile.name, text, reason)


def parsed(text: str) -> DataType | None:
    """The type, or None where ``type_refused`` has said why not."""
    try:
        return parse_type(text)
    except TypeTextInvalid:
        return None


def value_refused(pointer: str, name: str, value: Any, data_type: DataType | None) -> Iterator[Found]:
    """Refuses a JSON value the type cannot hold; null is always fine."""
    if value is not None and data_type is not None and (reason := check_literal(value, data_type)):
        yield pointer, default_not_valid(name, value, data_type, reason)


def default_not_valid(name: str, value: Any, data_type: DataType, reason: str) -> Refusal:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return DefaultNotValid(name, shown if len(shown) <= 100 else f"{shown[:97]}...", str(data_type), reason)


def comment_refused(pointer: str, name: str, comment: str | None) -> Iterator[Found]:
    """Refuses a comment longer than any way of setting one allows."""
    if comment is not None and len(comment) > MAX_COMMENT_LENGTH:
        yield pointer, CommentTooLong(name, len(comment), MAX_COMMENT_LENGTH)


def writers_fill(setting: Setting, name: str) -> Iterator[Hazard]:
    """What a default comes to on an engine that does not apply it to later rows."""
    if not setting.profile.applies_write_defaults:
        yield Hazard(
            HazardKind.WRITERS_FILL_DEFAULT,
            f"Writers must fill '{name}' themselves: the {setting.profile.name} engine keeps a default for later rows "
            "as a promise and does not apply it.",
        )
