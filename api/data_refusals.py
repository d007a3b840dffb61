"""What the data forbids, gathered over all units: so its counts are those of the table, and the same in every run."""

from collections.abc import Sequence

from domain.engine import Unit
from domain.errors import CastFailed, NullsPresent

DataRefusal = CastFailed | NullsPresent


class DataRefusals:
    """Refusals of units, by the units' order, whatever the order they end in."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = tuple(units)
        self._found = dict[str, DataRefusal]()

    def add(self, unit: Unit, refusal: DataRefusal) -> None:
        self._found[unit.name] = refusal

    def refuse(self) -> None:
        """Raises the refusal of the first unit that has one, with what the others found of the same."""
        if not self._found:
            return
        ordered = [(unit, self._found[unit.name]) for unit in self._units if unit.name in self._found]
        first_unit, first = ordered[0]
        count = sum(refusal.count for _, refusal in ordered if _same(refusal, first))
        kind = _kind(first_unit)
        looked_at = sum(
            self._found[unit.name].looked_at if unit.name in self._found else unit.rows
            for unit in self._units
            if _kind(unit) == kind
        )
        match first:
            case CastFailed():
                raise CastFailed(first.name, first.to_type, count, looked_at, first.examples)
            case NullsPresent():
                raise NullsPresent(first.name, count, looked_at)


def _same(one: DataRefusal, other: DataRefusal) -> bool:
    return type(one) is type(other) and one.name == other.name


def _kind(unit: Unit) -> str:
    """What a unit is of: fragments are read for their rows, keys and indexes for all rows once more."""
    return unit.name.partition("-")[0]
