"""Tables of bad input: a good project, one edit that breaks it, and where the mistake must be found.

The edit marks the place with « and »: what stands between them must be underlined.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import sys
from dataclasses import dataclass, field

from dynia.interfaces.clusters_file import load
from dynia.interfaces.errors import BadInput, Mistake

TEMPLATES = ("caddy/Caddyfile.mustache", "haproxy/haproxy.cfg.mustache")


@dataclass(frozen=True)
class Case:
    """`edit` maps a file to (old, new); new alone when old is empty. `files` are added."""

    name: str
    rule: str
    key: str
    edit: dict[str, tuple[str, str]] = field(default_factory=dict)
    files: dict[str, str | bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    version: str = "2.0.0"
    at: tuple[str, int, int] | None = None  # file, line, column where no mark can be set

    def __str__(self) -> str:
        return self.name


def write(case: Case, good: dict[str, str], folder: pathlib.Path) -> tuple[str, int, int, int | None]:
    """Writes the project; where the mark is: file, line, column, width."""
    texts: dict[str, str | bytes] = dict(good)
    for name, (old, new) in case.edit.items():
        before = good.get(name, "")
        assert not old or before.count(old) == 1, f"{old!r} must stand once in {name}"
        texts[name] = before.replace(old, new) if old else new
    texts.update(case.files)
    place: tuple[str, int, int, int | None] | None = (*case.at, None) if case.at else None
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, str):
            for number, line in enumerate(text.split("\n"), 1):
                if "«" in line:
                    start, end = line.index("«"), line.index("»")
                    place = (name, number, start + 1, end - start - 1)
            text = text.replace("«", "").replace("»", "").encode()
        path.write_bytes(text)
    for name, target in case.links.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    assert place is not None, "the case marks no place"
    return place


def fingerprint(folder: pathlib.Path) -> dict[str, tuple[str, int, int]]:
    """Every path with its content, mode and time of change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        known = os.lstat(path)
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        digest = hashlib.sha256(content).hexdigest()
        found[str(path)] = (digest, known.st_mode, known.st_mtime_ns)
    return found


def mistakes_of(folder: pathlib.Path, version: str = "2.0.0") -> tuple[Mistake, ...]:
    """What `load` finds, with paths relative to the folder."""
    os.chdir(folder)
    try:
        load(pathlib.Path("clusters.yaml"), templates=TEMPLATES, version=version)
    except BadInput as error:
        return error.mistakes
    return ()


_connections: list[object] = []
_watching = False


def connections() -> list[object]:
    """Every attempt of this process to connect from the first call on."""
    global _watching
    if not _watching:
        # an audit hook sees what really happens, whatever the code calls
        sys.addaudithook(lambda event, args: _connections.append(args) if event == "socket.connect" else None)
        _watching = True
    return _connections


def check(case: Case, good: dict[str, str], folder: pathlib.Path) -> None:
    """The mistake is found at its place, it is the only one, and nothing was touched."""
    file, line, column, width = write(case, good, folder)
    before, connected = fingerprint(folder), len(connections())
    found = mistakes_of(folder, case.version)
    assert [(m.rule, m.key) for m in found] == [(case.rule, case.key)], [m.message for m in found]
    assert (found[0].file, found[0].line, found[0].column) == (file, line, column), found[0]
    if width is not None:
        assert found[0].width == max(1, width), found[0]
    assert found[0].message
    assert fingerprint(folder) == before
    assert len(connections()) == connected
