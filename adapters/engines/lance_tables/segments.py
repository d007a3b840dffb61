"""An index segment that is built and not committed, as bytes that another process can go on with. pylance 14."""

from base64 import b64decode, b64encode
from datetime import datetime

from lance.bitmap import Bitmap
from lance.dataset import Index as Segment
from lance.dataset import IndexFile
from msgspec import Struct, json

from domain.schema import IndexSetting

Digests = dict[str, str]
"""What files each fragment consists of, by fragment id; deletions aside, which no index minds."""


class _File(Struct, frozen=True, kw_only=True):
    path: str
    size_bytes: int


class _Segment(Struct, frozen=True, kw_only=True):
    """``lance.dataset.Index``, member by member."""

    uuid: str
    name: str
    fields: list[int]
    dataset_version: int
    fragment_ids: list[int]
    index_version: int
    created_at: datetime | None
    base_id: int | None
    files: list[_File] | None
    details: tuple[str, str] | None
    covering_fields: list[int]


class HowBuilt(Struct, frozen=True, kw_only=True):
    """What an index is built with."""

    metric: str | None = None
    settings: dict[str, IndexSetting] = {}


class _Built(Struct, frozen=True, kw_only=True):
    covered: Digests
    segment: _Segment | None
    how: HowBuilt = HowBuilt()


def dumped(covered: Digests, segment: Segment | None, how: HowBuilt) -> bytes:
    """``segment`` is None on a table without rows."""
    return json.encode(_Built(covered=covered, segment=None if segment is None else _plain(segment), how=how))


def how_built(content: bytes) -> HowBuilt:
    return json.decode(content, type=_Built).how


def loaded(content: bytes) -> tuple[Digests, Segment | None]:
    built = json.decode(content, type=_Built)
    return built.covered, None if built.segment is None else _real(built.segment)


def _plain(segment: Segment) -> _Segment:
    files, details = segment.files, segment.index_details
    return _Segment(
        uuid=str(segment.uuid),
        name=segment.name,
        fields=list(segment.fields),
        dataset_version=segment.dataset_version,
        fragment_ids=sorted(segment.fragment_ids),
        index_version=segment.index_version,
        created_at=segment.created_at,
        base_id=segment.base_id,
        files=None if files is None else [_File(path=file.path, size_bytes=file.size_bytes) for file in files],
        details=None if details is None else (details[0], b64encode(details[1]).decode()),
        covering_fields=list(segment.covering_fields),
    )


def _real(plain: _Segment) -> Segment:
    files, details = plain.files, plain.details
    return Segment(
        uuid=plain.uuid,
        name=plain.name,
        fields=plain.fields,
        dataset_version=plain.dataset_version,
        fragment_ids=Bitmap(plain.fragment_ids),
        index_version=plain.index_version,
        created_at=plain.created_at,
        base_id=plain.base_id,
        files=None if files is None else [IndexFile(path=file.path, size_bytes=file.size_bytes) for file in files],
        index_details=None if details is None else (details[0], b64decode(details[1])),
        covering_fields=plain.covering_fields,
    )
