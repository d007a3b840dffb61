"""The clock and the source of ids."""

from datetime import UTC, datetime
from uuid import UUID, uuid4


class SystemClock:
    """Implements ``Clock``."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class RandomIds:
    """Implements ``Ids``: random UUIDs (RFC 9562, version 4)."""

    def new(self) -> UUID:
        return uuid4()
