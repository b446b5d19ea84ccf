"""Whether this machine may ask others. Standard library only."""

from __future__ import annotations

import os


def is_offline() -> bool:
    """Whether PHOTOTAG_OFFLINE forbids every connection."""
    return os.environ.get("PHOTOTAG_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off")
