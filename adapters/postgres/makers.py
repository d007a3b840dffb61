"""Who made something, as a query asks for it."""

from domain.access import Maker


def maker_parameters(maker: Maker | None) -> dict[str, object]:
    """None: whoever made it."""
    if maker is None:
        return {"everybody": True, "token": None, "subject": None}
    return {"everybody": False, "token": maker.token_id, "subject": maker.subject}
