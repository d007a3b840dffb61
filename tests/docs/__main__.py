"""``make docs``: writes every page that is made from the code."""

import sys

from tests.contracts.engines.matrix import CHANGES, ENGINES, all_outcomes, name_of
from tests.docs import access, changes, engines, http
from tests.docs.contract import breaking
from tests.docs.examples import EXAMPLES
from tests.docs.pages import REFERENCE, published, record, recorded, write
from tests.docs.running import run, service


def main() -> None:
    if (REFERENCE / "openapi.json").exists() and (breaks := breaking(recorded(), published())):
        sys.exit("\n".join(["This would break callers (docs/reference/contract.md says what to do):", *breaks]))
    record(published())
    write("access.md", access.page())
    write("engines.md", engines.page({engine: all_outcomes(engine) for engine in ENGINES}))
    write("changes/README.md", changes.index())
    with service() as api:
        write("http.md", http.page(api.client.get("/openapi.json").json()))
        for kind in CHANGES:
            name, example = name_of(kind), EXAMPLES[name_of(kind)]
            write(f"changes/{name}.md", changes.page(kind, example, run(api, name, example)))


if __name__ == "__main__":
    main()
