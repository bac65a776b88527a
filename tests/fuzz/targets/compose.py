"""A compose file and what it includes. An input that begins with ``#include`` is the included file."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.files.look import Link
from tests.fuzz.rendered import everything_of
from tests.fuzz.target import Target
from tests.fuzz.yaml_tree import yaml_tree
from tests.unit.files import test_any_text
from tests.unit.files.memory import loaded

INCLUDED = b"#include\n"
FILES: dict[str, str | bytes | Link] = {
    **test_any_text.FILES,
    # What a hostile checkout may hold beside the compose file.
    "out": Link(target="/etc"),
    "up": Link(target="../../.."),
    "loop": Link(target="loop"),
    "config/in": Link(target="../a.env"),
    "odd/\u202e": "x",
    "odd/\x1b[31m": "x",
    "odd/a\nb": "x",
    "odd/\udc80": "x",
    "odd/fine name": "x",
}


class ComposeFile(Target):
    name = "compose"
    weight = 60
    examples = 60

    def good(self) -> list[bytes]:
        return [
            test_any_text.SHIPPING.encode(),
            INCLUDED + b"services: {m: {image: x, volumes: ['./more.yaml:/x:ro']}}\n",
            b"services: {web: {image: a, expose: [80], volumes: ['./config:/c:ro', './config/in:/d:ro']}}\n",
        ]

    def tree(self, raw: bytes) -> object:
        return yaml_tree(raw)

    def attempt(self, raw: bytes) -> Iterable[str]:
        where = "sub/more.yaml" if raw.startswith(INCLUDED) else "compose.yaml"
        desired = loaded({**FILES, where: raw}, version="2.0")
        for cluster in desired.clusters:
            yield from everything_of(cluster)
