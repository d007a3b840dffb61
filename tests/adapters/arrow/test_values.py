"""Default values become Arrow scalars exactly when they pass as literals."""

from typing import Any

import pytest

from adapters.arrow.types import to_arrow
from adapters.arrow.values import to_scalar
from domain.type_text import parse_type
from tests.domain.test_literals import GOOD


@pytest.mark.parametrize(("value", "text"), GOOD)
def test_a_value_that_passes_becomes_a_scalar_of_its_type(value: Any, text: str) -> None:
    data_type = parse_type(text)
    scalar = to_scalar(value, data_type)
    plain = data_type.value if text.startswith("dictionary") else data_type  # type: ignore[union-attr]
    assert scalar.type == to_arrow(plain)
    assert scalar.is_valid == (value is not None)


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ("2013-01-31T05:17:00.123456789", "timestamp[ns]", 1359609420123456789),
        ("2013-01-31T05:17:00+02:00", "timestamp[s, UTC]", 1359602220),
        ("1969-12-31T23:59:59.5", "timestamp[ms]", -500),
        ("05:17:00.5", "time64[us]", 19020500000),
    ],
)
def test_moments_keep_every_digit(value: str, text: str, expected: int) -> None:
    assert to_scalar(value, parse_type(text)).value == expected
