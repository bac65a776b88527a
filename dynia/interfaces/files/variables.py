"""Which variable names a service may set for its compose file."""

from __future__ import annotations

_RESERVED = frozenset(("PATH", "HOME", "PWD", "SHELL", "USER", "LOGNAME", "SHLVL", "LANG", "TERM", "_"))


def reserved_variable(name: str) -> bool:
    """Names that Compose, Docker or the node's shell read for themselves."""
    return name in _RESERVED or name.startswith(("COMPOSE_", "DOCKER_", "BUILDKIT_", "LC_"))
