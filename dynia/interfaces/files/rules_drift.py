"""Rules about what the drift report leaves out for a while."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files import raw
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.yaml_tree import Path


def drift(ground: Ground, path: Path, spec: raw.Drift) -> Iterator[Mistake]:
    """`path` is that of the list. An entry whose day is over is no mistake: the report says so."""
    first: dict[str, int] = {}
    for index, one in enumerate(spec.ignore):
        try:
            datetime.date.fromisoformat(one.until)
        except ValueError:
            yield ground.at((*path, index, "until"), "bad-date", f"there is no day {one.until}")
        if first.setdefault(one.item, index) != index:
            message = f"ignore[{first[one.item]}] is about the same"
            yield ground.at((*path, index, "item"), "duplicate-item", message)
