"""How many examples a property draws: all of them in CI and in `make test`, a sixth in `make check`."""

from __future__ import annotations

import os

QUICK = "DYNIA_QUICK" in os.environ
DEFAULT = 100


def examples(most: int = DEFAULT) -> int:
    """At least three."""
    return max(3, most // 6) if QUICK else most
