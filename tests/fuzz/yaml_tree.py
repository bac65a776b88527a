"""A YAML text as plain mappings and lists, for the mutator."""

from __future__ import annotations

from dynia.interfaces.files.yaml_reader import read_yaml
from dynia.interfaces.files.yaml_tree import plain


def yaml_tree(raw: bytes) -> object:
    tree, _ = read_yaml("x", raw)
    if tree is None:
        raise ValueError("no YAML")
    return plain(tree)
