"""``add_vector_index``: builds an index that finds the nearest vectors, on a column of fixed-size lists of floats."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta, field
from msgspec.structs import replace

from domain.changes.change import Change, Effect, Found, IndexedPath, Params, Setting
from domain.changes.checks import default_index_name, index_name_taken, is_vector, settings_refused
from domain.column_types import DataType, FixedSizeListOf
from domain.errors import ColumnNotFound, IndexNeedsRows, IndexSettingInvalid, IndexTypeRefused, IndexTypeUnknown
from domain.fields import split
from domain.schema import Column, Index, IndexSetting, Schema
from domain.steps import BuildIndex

Count = Annotated[int, Meta(ge=1, le=100_000)]


class AddVectorIndexParams(Params, frozen=True, kw_only=True):
    column: IndexedPath
    index_type: Annotated[str, Meta(description="One the engine offers, `ivf_flat` and `ivf_pq` among them.")]
    metric: Annotated[str, Meta(description="How near is measured: `l2`, `cosine` or `dot`.")]
    name: Annotated[str | None, Meta(description="Of the index; `<column>_idx` when left out.")] = None
    num_partitions: Annotated[
        Count | None,
        Meta(
            description="Cells that vectors are sorted into; at most as many as rows. The engine chooses when left out."
        ),
    ] = None
    num_sub_vectors: Annotated[
        Count | None,
        Meta(description="Parts a vector is cut into; must divide its length. The engine chooses when left out."),
    ] = None
    settings: Annotated[
        dict[str, IndexSetting],
        Meta(description="Further ones in the engine's own words, such as `m`. What is left out the engine chooses."),
    ] = field(default_factory=dict)

    @property
    def index_name(self) -> str:
        return self.name if self.name is not None else default_index_name(self.column)


class AddVectorIndex(Change, frozen=True, kw_only=True, tag="add_vector_index"):
    params: AddVectorIndexParams

    @classmethod
    def trial(cls, column: Column, value: Any) -> "AddVectorIndex":  # noqa: ARG003
        return cls(params=AddVectorIndexParams(column=column.name, index_type="ivf_flat", metric="l2"))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        p, profile = self.params, setting.profile
        found = schema.numbered_at(p.column).find_field(p.column)
        if found is None:
            yield "/params/column", ColumnNotFound(p.column)
        yield from index_name_taken(schema, "/params/name", p.index_name)
        if p.index_type not in profile.vector_indexes:
            known = ", ".join(profile.vector_indexes) or "none"
            yield "/params/indexType", IndexTypeUnknown(profile.name, "vector", p.index_type, known)
        elif (rows := setting.statistics.rows) < (needed := profile.vector_indexes[p.index_type]):
            yield "/params/indexType", IndexNeedsRows(p.index_type, needed, rows)
        else:
            yield from settings_refused(setting, "/params/settings", p.index_type, p.settings)
        if p.metric not in profile.vector_metrics:
            reason = f"the {profile.name} engine measures by {', '.join(profile.vector_metrics) or 'nothing'}"
            yield "/params/metric", IndexSettingInvalid("metric", p.metric, reason)
        if found is not None:
            yield from self._column_refused(found[2], setting)

    def _column_refused(self, data_type: DataType, setting: Setting) -> Iterator[Found]:
        p = self.params
        if not is_vector(data_type):
            yield "/params/column", IndexTypeRefused(p.index_type, p.column, str(data_type))
            return
        assert isinstance(data_type, FixedSizeListOf)
        if p.num_sub_vectors is not None and data_type.size % p.num_sub_vectors:
            reason = f"it does not divide the {data_type.size} dimensions"
            yield "/params/numSubVectors", IndexSettingInvalid("numSubVectors", str(p.num_sub_vectors), reason)
        if p.num_partitions is not None and p.num_partitions > max(1, setting.statistics.rows):
            reason = f"the table has {setting.statistics.rows} rows"
            yield "/params/numPartitions", IndexSettingInvalid("numPartitions", str(p.num_partitions), reason)

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        p = self.params
        numbered = schema.numbered_at(p.column)
        found = numbered.find_field(p.column)
        assert found is not None
        given = {"num_partitions": p.num_partitions, "num_sub_vectors": p.num_sub_vectors}
        index = Index(
            name=p.index_name,
            column_ids=(found[0],),
            index_type=p.index_type,
            metric=p.metric,
            settings={**{name: value for name, value in given.items() if value is not None}, **p.settings},
        )
        after = replace(numbered, indexes=(*schema.indexes, index))
        return Effect(schema=after, steps=(BuildIndex(index=index, names=(p.column,)),))

    def touches(self) -> tuple[str, ...]:
        return (self.params.column, split(self.params.column)[0])
