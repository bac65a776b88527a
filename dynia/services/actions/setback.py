"""What stood behind a failure on a node, where a program's own words may not say it, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.node_requests import Room

# As the C library says it; the scripts run under LC_ALL=C.
_NO_SPACE = "no space left on device"
_HANGS = "no end within"
_DOCKER = "docker does not answer"
_LEAST = 1_000_000


def out_of_room(output: str, room: Iterable[Room]) -> tuple[str, ...]:
    """Lines about file systems that are full; about each one where the program says that one is."""
    told = _NO_SPACE in output.lower()
    return tuple(one.words() for one in room if told or one.free < _LEAST or one.files == 0)


def what_next(node: str, output: str, full: tuple[str, ...] = ()) -> str:
    """The next thing to do, or nothing where the failure speaks for itself."""
    said = output.lower()
    if full or _NO_SPACE in said:
        return (
            f"make room there: `dynia node ssh {node} -- df -h` shows where, `docker image prune -a` takes "
            "away images that nothing runs; then apply again"
        )
    if _DOCKER in said:
        return f"`dynia node ssh {node} -- systemctl restart docker`, then apply again"
    if _HANGS in said:
        return (
            f"something hangs there: `dynia node ssh {node} -- docker ps`; where that is Docker, "
            "`systemctl restart docker`; then apply again"
        )
    return ""
