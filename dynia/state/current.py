"""The current cluster of this working tree, where the state itself is shared: a local file with one name."""

from __future__ import annotations

from pathlib import Path

from dynia.state.checks import NAME

_LIMIT = 1024


def read_current(path: Path) -> str | None:
    """The name; nothing where there is none, or what is there can be none."""
    try:
        with path.open("rb") as file:
            name = file.read(_LIMIT).decode(errors="replace").strip()
    except OSError:
        return None
    return name if NAME.fullmatch(name) else None


def write_current(path: Path, name: str | None) -> None:
    """Says no more than what people typed last, so a torn write is no harm: it reads as none."""
    if name is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{name}\n", encoding="utf-8")
