"""Following an operation: by its stream of events, taken up again wherever it was cut."""

import time
from collections.abc import Callable, Iterator

import msgspec

from api.client.calls import Client, ServiceError
from api.http.wire import FINISHED, OperationBody

SECONDS_OF_SILENCE = 40.0
"""How long a stream may say nothing, not even that it is alive, before it is taken for dead."""
SECONDS_WITHOUT_AN_ANSWER = 30.0
"""How long a service that does not answer is asked again before following gives up."""
SECONDS_BETWEEN_TRIES = 0.2


def follow(
    client: Client,
    operation_id: str,
    seconds: float | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[OperationBody]:
    """The operation at every event of its life, until its end; or until the seconds are over, and then as it is."""
    deadline = float("inf") if seconds is None else clock() + seconds
    version, answered = 0, clock()
    while clock() < deadline:
        patience = min(SECONDS_OF_SILENCE, deadline - clock())
        try:
            for event in client.events(operation_id, version, patience):
                answered = clock()
                if event is not None:
                    version, operation = event
                    yield operation
                    if operation.status in FINISHED:
                        return
                if deadline - clock() < patience:
                    # A stream's patience is fixed when it begins; this one would outlast the deadline.
                    break
        except ServiceError as error:
            if clock() >= deadline:
                break
            if (error.body is not None and not error.body.retryable) or clock() - answered > SECONDS_WITHOUT_AN_ANSWER:
                raise
            sleep(SECONDS_BETWEEN_TRIES)
        else:
            sleep(min(SECONDS_BETWEEN_TRIES, max(0.0, deadline - clock())))
    yield msgspec.convert(client.call("GET", f"/operations/{operation_id}"), OperationBody)
