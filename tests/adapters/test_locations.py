"""What is a place for tables: the normal form of a location, and what lies outside of every root."""

from pathlib import Path
from uuid import UUID

import pytest

from adapters.locations import RootedLocations
from domain.errors import LocationNotAllowed

ROOT = "s3://bucket/tables"


@pytest.mark.parametrize("location", [f"{ROOT}/a.lance", f"{ROOT}/a.lance/", "a.lance"])
def test_a_prefix_has_one_form(location: str) -> None:
    assert RootedLocations([], [ROOT]).allowed(location) == f"{ROOT}/a.lance"


@pytest.mark.parametrize(
    "location",
    [
        ROOT,
        f"{ROOT}x/a",
        f"{ROOT}/../a",
        f"{ROOT}/./a",
        f"{ROOT}//a",
        f"{ROOT}/a?x=y",
        f"{ROOT}/%2e%2e/a",
        "s3://user:secret@bucket/tables/a",
        "S3://bucket/tables/a",
        "gs://bucket/tables/a",
        "file:///tmp/a",
        "/tmp/a",
        "../a",
    ],
)
def test_what_lies_outside_is_refused(location: str, tmp_path: Path) -> None:
    for roots in ([], [tmp_path]):
        with pytest.raises(LocationNotAllowed):
            RootedLocations(roots, [ROOT]).allowed(location)


def test_tables_of_our_own_lie_under_the_first_folder_or_prefix(tmp_path: Path) -> None:
    number = UUID(int=1)
    assert RootedLocations([], [ROOT]).managed(number, "lance", "a b") == f"{ROOT}/a-b-{number}.lance"
    assert RootedLocations([tmp_path], [ROOT]).managed(number, "lance", "a") == str(tmp_path / f"a-{number}.lance")


def test_a_root_must_be_a_prefix() -> None:
    with pytest.raises(ValueError, match="no prefix"):
        RootedLocations([], ["ftp://bucket"])


@pytest.mark.parametrize(
    "location", ["loop", "loop/t.lance", "first/t.lance", "x" * 300, f"{'x/' * 3_000}t.lance", "a\ud800b"]
)
def test_what_cannot_be_followed_to_its_end_is_no_place_for_a_table(location: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    (tmp_path / "second").symlink_to(tmp_path / "first")
    with pytest.raises(LocationNotAllowed):
        RootedLocations([tmp_path], []).allowed(location)
