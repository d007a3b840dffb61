"""The courier: sends what webhooks are to be told, several messages at a time, in every worker process.

Who sends which message is decided by the claim in the database, so that more of it, on more machines, send faster and
nothing twice. One that is killed leaves its claims to run out; the messages are sent again, with the same ids.
"""

import logging
import random
from collections.abc import Callable
from datetime import timedelta
from threading import BoundedSemaphore, Event, Thread

from api.metrics import MESSAGES
from domain.errors import LogUnavailable
from domain.facts import WORKER, Origin
from domain.handlers.delivering import deliver
from domain.handlers.house import House
from domain.webhook.deliveries import Claimed, Deliveries, Messenger

log = logging.getLogger("schemaledger.webhooks")

HANDS = 8
"""Messages that a process sends at a time."""
TERM = timedelta(seconds=60)
"""How long a message is claimed: several times what sending may take."""
IDLE_SECONDS = 1.0
SECONDS_TO_END = 1.0
"""How long it waits for what is under way when it is stopped; the rest is sent again."""


class Courier:
    def __init__(
        self,
        house: House,
        deliveries: Deliveries,
        messenger: Messenger,
        name: str,
        *,
        term: timedelta = TERM,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._house, self._deliveries, self._messenger = house, deliveries, messenger
        self._term, self._chance, self._origin = term, chance, Origin(actor=f"{WORKER}{name}")
        self._hands, self._stop = BoundedSemaphore(HANDS), Event()
        self._thread = Thread(target=self._work, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(SECONDS_TO_END)
        for _ in range(HANDS):
            if not self._hands.acquire(timeout=SECONDS_TO_END / HANDS):
                break

    def deliver_one(self) -> bool:
        """Sends the next message that is due. False: none is."""
        claimed = self._deliveries.claim(self._term)
        if claimed is not None:
            self._deliver(claimed)
        return claimed is not None

    def _work(self) -> None:
        while not self._stop.is_set():
            if not self._hands.acquire(timeout=IDLE_SECONDS):
                continue
            if self._stop.is_set() or not self._hand_on():
                self._hands.release()
                self._stop.wait(IDLE_SECONDS)

    def _hand_on(self) -> bool:
        """Has the next message sent by a thread, which frees the hand. False: none is due, or nobody says so."""
        try:
            claimed = self._deliveries.claim(self._term)
        except LogUnavailable as refusal:
            log.warning("webhooks wait for the log: %s", refusal)
            return False
        except Exception:
            log.exception("no message could be claimed")
            return False
        if claimed is None:
            return False
        Thread(target=self._with_a_hand, args=(claimed,), name="courier-hand", daemon=True).start()
        return True

    def _with_a_hand(self, claimed: Claimed) -> None:
        try:
            self._deliver(claimed)
        except LogUnavailable as refusal:
            log.warning("what became of message %s could not be noted: %s", claimed.delivery_id, refusal)
        except Exception:
            # It is claimed until its term is over, and sent again then.
            log.exception("message %s could not be sent", claimed.delivery_id)
        finally:
            self._hands.release()

    def _deliver(self, claimed: Claimed) -> None:
        result = deliver(self._house, self._deliveries, self._messenger, claimed, self._chance(), self._origin)
        MESSAGES.labels(result).inc()
        fields = {"webhookId": str(claimed.webhook_id), "deliveryId": str(claimed.delivery_id), "tries": claimed.tries}
        log.log(
            logging.DEBUG if result == "delivered" else logging.INFO,
            "%s: %s",
            claimed.type,
            result,
            extra={"fields": fields},
        )
