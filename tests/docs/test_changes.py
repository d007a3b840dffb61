"""Every change has an example, and its page shows what comes of it today."""

from pathlib import Path

import pytest

from tests.api.conftest import at_work, serving
from tests.contracts.engines.matrix import CHANGES, name_of
from tests.docs import changes
from tests.docs.examples import EXAMPLES
from tests.docs.pages import REFERENCE, assert_fresh, is_fresh
from tests.docs.running import run


def test_every_change_has_an_example() -> None:
    assert set(EXAMPLES) == {name_of(kind) for kind in CHANGES}


def test_there_is_no_page_without_a_change() -> None:
    found = {path.stem for path in (REFERENCE / "changes").glob("*.md")}
    assert found == {"README", *map(name_of, CHANGES)}


def test_the_index_is_fresh() -> None:
    assert_fresh("changes/README.md", changes.index())


def test_every_page_shows_what_comes_of_its_example(database_url: str, tmp_path: Path) -> None:
    stale = list[str]()
    with serving(database_url, tmp_path) as api, at_work(database_url, tmp_path):
        for kind in CHANGES:
            name = name_of(kind)
            if name not in EXAMPLES:
                pytest.fail(f"there is no example of {name} in tests/docs/examples.py")
            made = changes.page(kind, EXAMPLES[name], run(api, name, EXAMPLES[name]))
            stale += [] if is_fresh(f"changes/{name}.md", made) else [name]
    assert stale == [], "run `make docs`"
