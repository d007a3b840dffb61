"""What the service noticed that nobody had asked for. Written for ever: a tag never changes its meaning."""

from uuid import UUID

from domain.facts import Fact


class DriftFound(Fact, frozen=True, kw_only=True, tag="drift.found"):
    """Somebody changed the table behind our back since schema version ``version``.

    ``found_fingerprint`` is of what is there now: the same drift is written down once, however often it is seen.
    ``differences`` counts what is otherwise.
    """

    table_id: UUID
    dataset_id: str
    version: int
    found_fingerprint: str
    differences: int


class DriftGone(Fact, frozen=True, kw_only=True, tag="drift.gone"):
    """The table is again as schema version ``version`` says; what was adopted is not gone, but known."""

    table_id: UUID
    dataset_id: str
    version: int


class SealStopped(Fact, frozen=True, kw_only=True, tag="seal.stopped"):
    """The log cannot be sealed any further; ``message`` says what does not fit, in the service's own words."""

    message: str


AlarmFact = DriftFound | DriftGone | SealStopped
