"""Names as they stand on the wire."""


def camel(name: str) -> str:
    """``pageSize`` of ``page_size``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
