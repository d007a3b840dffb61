"""Headers of a request as the server hands them on: lower-case names and values, in bytes.

The framework makes a mapping of all of them for whoever asks for one.
"""

from typing import Any


def header(scope: Any, name: bytes) -> str | None:
    """The first value under the name, which is given in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None
