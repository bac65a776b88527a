"""The team's own templates: each file replaces the built-in template of the same path."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.look import Absent, Folder
from dynia.interfaces.files.mistakes import did_you_mean
from dynia.interfaces.files.shipping import Shipment
from dynia.interfaces.files.yaml_tree import Path

MAX_BYTES = 256 * 1024


def read_templates(
    ground: Ground, path: Path, folder: Shipment, known: Iterable[str]
) -> tuple[dict[str, str], list[Mistake]]:
    """`folder` is rooted at the folder of templates; `known` are the built-in paths."""
    top = folder.settle(".")
    shown = folder.shown
    if not isinstance(top, Folder):
        reason = top.reason if isinstance(top, Absent) else "not a folder"
        rule = "missing-file" if reason == "no such file" else "unreadable-file"
        return {}, [ground.at(path, rule, f"{shown}: {reason}")]
    texts: dict[str, str] = {}
    found: list[Mistake] = []
    known = sorted(known)
    waiting = list(top.names)[::-1]
    while waiting and len(found) < 20:
        relative = waiting.pop()
        seen = folder.settle(relative)
        if isinstance(seen, Folder) and relative.count("/") < 8:
            waiting += [posixpath.join(relative, name) for name in reversed(seen.names)]
        elif isinstance(seen, Folder | Absent) or seen.content is None:
            reason = seen.reason if isinstance(seen, Absent) else "too large, or too many folders deep"
            found.append(ground.at(path, "unreadable-file", f"{folder.name(relative)}: {reason}"))
        elif len(seen.content) > MAX_BYTES:
            message = f"{folder.name(relative)} is larger than {MAX_BYTES // 1024} KiB"
            found.append(ground.at(path, "too-large", message))
        elif relative not in known:
            message = f"{folder.name(relative)} replaces no built-in template"
            found.append(ground.at(path, "unknown-template", message, did_you_mean(relative, known)))
        else:
            try:
                texts[relative] = seen.content.decode("utf-8")
            except UnicodeDecodeError:
                found.append(ground.at(path, "not-utf8", f"{folder.name(relative)} is not UTF-8"))
    return dict(sorted(texts.items())), found
