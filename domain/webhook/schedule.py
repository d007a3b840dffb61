"""When a message is sent again that was not taken: the schedule that the Standard Webhooks specification suggests."""

from datetime import timedelta

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Between one try and the next: ten tries over a little more than three days."""
TRIES = len(PAUSES) + 1

JITTER = 0.2
"""A pause is longer or shorter by up to this part of it, so that those who failed together do not come together."""

VERIFYING_TRIES = 3
"""A challenge is asked for by somebody who looks at what becomes of it: three tries, five minutes."""


def pause(tries: int, chance: float, most: int = TRIES) -> timedelta | None:
    """How long to wait after so many tries, at least one; None: no longer. ``chance`` is from 0 to below 1."""
    if tries >= most:
        return None
    return PAUSES[tries - 1] * (1 + JITTER * (2 * chance - 1))
