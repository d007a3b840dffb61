"""docs/reference/http.md says what the published document says."""

import re
from pathlib import Path

from tests.api.conftest import serving
from tests.docs.http import page
from tests.docs.pages import REFERENCE, assert_fresh


def test_the_page_is_fresh(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path) as api:
        assert_fresh("http.md", page(api.client.get("/openapi.json").json()))


def test_every_link_on_the_page_leads_somewhere() -> None:
    text = (REFERENCE / "http.md").read_text()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\(#([^)]*)\)", text)) <= anchors
