"""How the indexes of a table were built, as far as it can be read back: what a rebuild must know. pylance 14.0.2."""

import json
import os
from collections import OrderedDict
from threading import Lock
from typing import Any, NamedTuple

import lance
from lance.file import LanceFileReader

from adapters.engines.lance_tables.places import base_of, options_of
from domain.schema import IndexSetting

# The centroids of vector indexes are nothing to us, and Lance warns of them each time unless told so.
os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "false")

Settings = dict[str, IndexSetting]

TEXT_USUAL: Settings = {
    "base_tokenizer": "simple",
    "language": "English",
    "with_position": False,
    "max_token_length": 40,
    "lower_case": True,
    "stem": True,
    "remove_stop_words": True,
    "custom_stop_words": None,
    "ascii_folding": True,
    "min_ngram_length": 3,
    "max_ngram_length": 3,
    "prefix_only": False,
    "block_size": 128,
    "split_identifiers": False,
    "split_on_numerics": False,
    "preserve_original": False,
    "index_operators": False,
    "document_granularity": "row",
}
SAID = ("stem",)
"""Said of every index: Lance and this service choose it differently."""
OWN_USUAL = ("ngram", "code")
"""Base tokenizers for which Lance chooses the rest in another way."""
VECTOR_USUAL: Settings = {
    "num_bits": 8,
    "m": 20,
    "ef_construction": 150,
    "max_level": 7,
    "max_iters": 50,
    "sample_rate": 256,
}
USUAL_PAGE = 4_096
USUAL: dict[str, Settings] = {
    "btree": {"zone_size": USUAL_PAGE},
    "zonemap": {"rows_per_zone": 8_192},
    "bloomfilter": {"number_of_items": 8_192, "probability": 0.00057},
    "inverted": TEXT_USUAL,
    "rtree": {"page_size": USUAL_PAGE},
    "minhashlsh": {"num_hashes": 128, "num_bands": 16, "shingle_size": 3},
    "ivf_rq": {**VECTOR_USUAL, "num_bits": 1},
}
"""What Lance chooses itself, by type of index."""
MINHASH_WORDS: Settings = {**TEXT_USUAL, "stem": False, "remove_stop_words": False}
WITHOUT_SETTINGS = ("bitmap", "label_list", "ngram")
MOST_READ = 10_000


class Read(NamedTuple):
    """``settings`` are those that are not usual; ``doubt`` is why others may be unknown."""

    metric: str | None
    settings: Settings
    doubt: str | None


def type_name(shown: str) -> str:
    """``label_list`` of ``LabelList``, ``ivf_pq`` of ``IVF_PQ``."""
    return {"labellist": "label_list"}.get(shown.lower(), shown.lower())


def read_settings(table: lance.LanceDataset, description: Any) -> Read:
    """``description`` is one of ``describe_indices``. Files of an index never change, so each is read once."""
    segments = description.segments
    key = str(segments[0].uuid) if segments else ""
    if (found := _remembered.get(key)) is None:
        found = _read(table, description)
        # What could not be read may be another time.
        if key and found.doubt is None:
            _remembered.keep(key, found)
    return found


def settings_of(table: lance.LanceDataset, name: str) -> Read | None:
    """Those of the index of that name; None where there is none."""
    for description in table.describe_indices():
        if description.name == name:
            return read_settings(table, description)
    return None


def _read(table: lance.LanceDataset, description: Any) -> Read:
    kind, details = type_name(description.index_type), description.details or {}
    if kind in WITHOUT_SETTINGS:
        return Read(None, {}, None)
    stated, doubt = dict[str, Any](), None
    try:
        stated = _stated(table, description, kind)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        if any(part.fragment_ids for part in description.segments):
            doubt = f"its files cannot be read ({type(error).__name__})"
    if kind.startswith("ivf_"):
        return _vector(kind, stated, details, doubt)
    if kind == "inverted":
        return _text(stated, details, doubt)
    if kind == "minhashlsh":
        return _minhash(details)
    if kind not in USUAL:
        return Read(None, {}, f"of a {description.index_type} index they cannot be read")
    return Read(None, _unusual(stated, USUAL[kind]), doubt)


def _stated(table: lance.LanceDataset, description: Any, kind: str) -> dict[str, Any]:
    """What the files of the index say of it. What they say of its first part goes for all of them."""
    if kind == "btree":
        said = _said_by(table, description.segments[0], "page_lookup.lance")
        return {"zone_size": int(said.get(b"batch_size", USUAL_PAGE))}
    if kind == "inverted":
        # Statistics would read every word that the index knows.
        said = _said_by(table, description.segments[0], "metadata.lance")
        return dict(json.loads(said[b"params"]))
    if kind == "minhashlsh":
        return {}
    (stated, *_) = table.stats.index_stats(description.name)["indices"] or [{}]
    return dict(stated)


def _vector(kind: str, stated: dict[str, Any], details: dict[str, Any], doubt: str | None) -> Read:
    """By its files, and by what the table says of it where it has none yet."""
    inner, graph = stated.get("sub_index") or {}, details.get("hnsw") or {}
    packed, hints = details.get("compression") or {}, details.get("runtime_hints") or {}
    built = inner.get("params") or {}
    made: dict[str, Any] = {
        "num_bits": packed.get("num_bits", inner.get("nbits", inner.get("num_bits"))),
        "m": graph.get("max_connections", built.get("m")),
        "ef_construction": graph.get("construction_ef", built.get("ef_construction")),
        "max_level": graph.get("max_level", built.get("max_level")),
        "max_iters": _number(hints.get("lance.ivf.max_iters")),
        "sample_rate": _number(hints.get("lance.ivf.sample_rate")),
    }
    counted = {
        "num_partitions": stated.get("num_partitions"),
        "num_sub_vectors": packed.get("num_sub_vectors", inner.get("num_sub_vectors")),
    }
    known = {name: value for name, value in counted.items() if value is not None}
    metric = _metric(stated, details)
    doubt = doubt if metric is not None else "how it measures cannot be read"
    return Read(metric, {**known, **_unusual(made, USUAL.get(kind, VECTOR_USUAL))}, doubt)


def _metric(stated: dict[str, Any], details: dict[str, Any]) -> str | None:
    found = stated.get("metric_type") or details.get("metric_type")
    return None if found is None else str(found).lower()


def _text(stated: dict[str, Any], details: dict[str, Any], doubt: str | None) -> Read:
    # Stop words stand in its files alone, what counts as a document in the table alone.
    made = {**details, **stated, "document_granularity": details.get("document_granularity")}
    doubt = doubt if made.get("base_tokenizer") else "how it cuts texts into words cannot be read"
    if made.get("base_tokenizer") in OWN_USUAL:
        return Read(None, {name: made[name] for name in TEXT_USUAL if made.get(name) is not None}, doubt)
    return Read(None, _unusual(made, TEXT_USUAL, none_counts=("max_token_length",)), doubt)


def _minhash(details: dict[str, Any]) -> Read:
    """Only its numbers can be said again."""
    words = details.get("tokenizer") or {}
    unlike = any(words[name] != value for name, value in MINHASH_WORDS.items() if name in words)
    doubt = "how it cuts texts into words cannot be said again" if unlike or not words else None
    return Read(None, _unusual(details, USUAL["minhashlsh"]), doubt)


def _unusual(made: dict[str, Any], usual: Settings, none_counts: tuple[str, ...] = ()) -> Settings:
    return {
        name: made[name]
        for name, value in usual.items()
        if name in made and (made[name] != value or name in SAID) and (made[name] is not None or name in none_counts)
    }


def _said_by(table: lance.LanceDataset, segment: Any, file: str) -> dict[bytes, bytes]:
    """The metadata of one file of an index."""
    path = f"{base_of(table, segment.base_id)}/_indices/{segment.uuid}/{file}"
    return dict(LanceFileReader(path, storage_options=options_of(table)).metadata().schema.metadata or {})


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


class _Remembered:
    """What was read of indexes, by the id of their first part."""

    def __init__(self) -> None:
        self._found, self._guard = OrderedDict[str, Read](), Lock()

    def get(self, key: str) -> Read | None:
        with self._guard:
            return self._found.get(key)

    def keep(self, key: str, found: Read) -> None:
        with self._guard:
            self._found[key] = found
            if len(self._found) > MOST_READ:
                self._found.popitem(last=False)


_remembered = _Remembered()
