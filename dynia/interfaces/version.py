"""Which Dynia this is."""

from __future__ import annotations


def version() -> str:
    """The installed version; empty in a checkout that was not installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("dynia")
    except PackageNotFoundError:
        return ""
