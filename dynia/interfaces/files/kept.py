"""Where clusters.yaml says that the state is kept, read also where the rest of the file is wrong."""

from __future__ import annotations

from pathlib import Path

from dynia.interfaces.desired import FileState, GitState, KeptState
from dynia.interfaces.files.look import Regular, look_on_disk
from dynia.interfaces.files.yaml_reader import read_yaml
from dynia.interfaces.files.yaml_tree import child, text_of


def kept_in(path: Path) -> KeptState:
    """`file` where the file does not say otherwise, or cannot be read."""
    seen = look_on_disk(str(path.absolute()), follow=True)
    if not isinstance(seen, Regular) or seen.content is None:
        return FileState()
    tree, _ = read_yaml(str(path), seen.content)
    kind = text_of(child(child(tree, "state"), "kind"))
    return GitState() if kind == "git" else FileState()
