"""Signatures after the Standard Webhooks specification, symmetric (``v1``): HMAC-SHA256 over id, timestamp and body."""

import hmac
from base64 import b64encode
from collections.abc import Sequence

PREFIX = "whsec_"
"""How a secret begins where people see it; what follows is base64 of its bytes."""
SECRET_BYTES = 32


def shown(secret: bytes) -> str:
    """The secret as its receiver is told it."""
    return f"{PREFIX}{b64encode(secret).decode()}"


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{b64encode(hmac.digest(secret, signed, 'sha256')).decode()}"


def headers(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """What goes with a message; each secret signs it, so that either of two verifies."""
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in secrets),
    }
