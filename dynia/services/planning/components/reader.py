"""What keys that may only look are bound to: the program that looks, and their lines for sshd.

Only where the file names readers. That sshd reads these lines is the host's own matter.
"""

from __future__ import annotations

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.release import Release, ReleaseFile
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Topology, TopologyNode
from dynia.services.planning.components.basic import Basic
from dynia.services.planning.components.rendered import ROOT
from dynia.services.planning.components.scripts import staged

NAME = "reader"
FOLDER = f"{ROOT}/reader"
PROGRAM = f"{FOLDER}/observe-only"
KEYS = f"{FOLDER}/authorized_keys"
# Among the templates in force, and none that a team could replace: whoever made the session put it there.
TEXT = "reader/observe-only"
_CHECK = staged(PROGRAM, "program") + 'sh -n "$program"\n'


class Reader(Basic, kw_only=True):
    """`readers` are public keys."""

    readers: tuple[str, ...]
    name: str = NAME
    roots: tuple[str, ...] = (FOLDER,)

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        if TEXT not in topology.templates:
            raise DyniaError("the program for readers is missing from this Dynia")
        lines = "".join(f'restrict,command="{PROGRAM}" {key}\n' for key in self.readers)
        files = (
            ReleaseFile(path=PROGRAM, mode=0o755, content=topology.templates[TEXT].encode()),
            ReleaseFile(path=KEYS, mode=0o644, content=f"# Written by Dynia.\n{lines}".encode()),
        )
        return Recipe(release=Release(component=self.name, files=files), check=_CHECK)
