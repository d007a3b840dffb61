"""Reading events of old: by stored topic, what makes of an old fact's JSON the JSON of a fact of today.

Nothing is here yet, because no fact has changed yet. A fact that must change gets a new tag; its old tag gets an entry
here, which names the new tag as ``type`` and fills in what the old one did not say. Stored events are never touched.
"""

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Mapping[str, Upcaster] = {}
