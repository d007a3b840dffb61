"""What prepared units come to, as bytes that another process can go on with, and that may be kept for it."""

import json
from collections.abc import Mapping, Sequence

from lance.fragment import FragmentMetadata

from adapters.engines.lance_tables.staging import FRAGMENT_UNIT

NOTHING = b"{}"
"""What a unit that only looks comes to."""


def dumped(fragment: FragmentMetadata, new: Sequence[str]) -> bytes:
    """``new`` are the files that were written for it."""
    return json.dumps({"fragment": fragment.to_json(), "new": new}).encode()


def fragments_of(prepared: Mapping[str, bytes]) -> dict[int, FragmentMetadata]:
    """The fragments with new files, by id."""
    contents = (content for name, content in prepared.items() if name.startswith(FRAGMENT_UNIT))
    loaded = (_loaded(content) for content in contents if content != NOTHING)
    return {fragment.id: fragment for fragment in loaded}


def written(prepared: bytes) -> list[str]:
    """The files that were written for a unit. The others of its fragment are in use by some version of the table."""
    return list(json.loads(prepared).get("new", []))


def _loaded(prepared: bytes) -> FragmentMetadata:
    content = json.loads(prepared)
    # What was kept by a version before this one is the fragment alone.
    return FragmentMetadata.from_json(json.dumps(content.get("fragment", content)))
