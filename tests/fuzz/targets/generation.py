"""What a node keeps of a generation: read whole or refused, and nothing of it is written outside of the file's folder.

The state's digest pins the first line; of a state that was made again from nodes not even that is known to be good.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable

from msgspec.structs import replace

from dynia.services.adoption import adopt, left
from dynia.services.planning.components.service import folder
from dynia.services.planning.generations import inputs_of, read, written
from tests.fuzz.oracle import Broken
from tests.fuzz.target import Target
from tests.plans import worlds


class KeptGeneration(Target):
    name = "generation"
    weight = 200
    examples = 100

    def __init__(self) -> None:
        entry = b'{"compose": "./api/compose.yaml", "default": true}'
        service = replace(worlds.service(config="level = 1\n", env="A=1\n"), as_written=entry)
        self._now = worlds.cluster(2)
        spec = worlds.cluster(2, (service, worlds.worker()))
        self._good = written(inputs_of(worlds.start(spec), spec))

    def good(self) -> list[bytes]:
        return [self._good]

    def tree(self, raw: bytes) -> list[object]:
        return [super(KeptGeneration, self).tree(line) for line in raw.splitlines()]

    def untree(self, tree: object, chance: object) -> bytes:
        lines = tree if isinstance(tree, list) else [tree]
        return b"\n".join(super(KeptGeneration, self).untree(line, chance) for line in lines)  # type: ignore[arg-type]

    def attempt(self, raw: bytes) -> Iterable[str]:
        digest = "sha256:" + hashlib.sha256(raw.partition(b"\n")[0]).hexdigest()
        inputs = read("web-1:/var/lib/dynia/generations/1", raw, digest)
        wish = adopt(self._now, inputs.spec, {"templates": "./templates"})
        outside = [name for name in wish.files if name.startswith(("/", "~", ".."))]
        for service in inputs.spec.services:
            landed = (posixpath.normpath(f"{folder(service.name)}/{file.path}") for file in service.files)
            outside += [
                path for path in landed if not path.startswith(f"/opt/dynia/services/{service.name}/")
            ]
        if outside:
            raise Broken(f"would be written: {outside}")
        left(inputs.spec, self._now)
        return ()
