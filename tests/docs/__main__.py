"""``make docs``: writes every page that is made from the code."""

from tests.contracts.engines.matrix import ENGINES, all_outcomes
from tests.docs import engines
from tests.docs.pages import write


def main() -> None:
    write({"engines.md": engines.page({engine: all_outcomes(engine) for engine in ENGINES})})


if __name__ == "__main__":
    main()
