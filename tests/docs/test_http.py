"""docs/reference/http.md says what the published document says."""

from pathlib import Path

from tests.api.conftest import serving
from tests.docs.http import page
from tests.docs.pages import assert_fresh


def test_the_page_is_fresh(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path) as api:
        assert_fresh("http.md", page(api.client.get("/openapi.json").json()))
