"""A YAML text as a tree in which every key and value knows where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from dynia.interfaces.shape import Shape

Path = tuple[str | int, ...]


class Spot(Shape):
    """A place in a file, counted from 1, with the line's text and how much of it is meant."""

    file: str
    line: int
    column: int
    width: int = 1
    text: str = ""


class Scalar(Shape):
    """One value. `text` is as written without quotes; `value` is what YAML 1.2 makes of it. `pattern` is the
    text before its variables were filled in, where it had some."""

    value: str | int | float | bool | None
    text: str
    spot: Spot
    depth: int = 1
    size: int = 1
    pattern: str = ""


class Sequence(Shape):
    items: tuple[Tree, ...]
    spot: Spot
    depth: int = 1
    size: int = 1


class Entry(Shape):
    """A key of a mapping with its value."""

    key: Spot
    value: Tree


class Mapping(Shape):
    entries: dict[str, Entry]
    spot: Spot
    depth: int = 1
    size: int = 1


Tree = Scalar | Sequence | Mapping


def dotted(path: Path) -> str:
    """``("clusters", "prod", "domains", 0)`` as ``clusters.prod.domains[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def plain(tree: Tree) -> object:
    """The tree without positions. A number with a fraction stays text, so that 1.10 is not 1.1."""
    match tree:
        case Scalar():
            return tree.text if isinstance(tree.value, float) else tree.value
        case Sequence():
            return [plain(item) for item in tree.items]
        case Mapping():
            return {key: plain(entry.value) for key, entry in tree.entries.items()}


def unfilled(tree: Tree) -> object:
    """Like `plain`, with the names of variables and none of their values."""
    match tree:
        case Scalar():
            return tree.pattern or plain(tree)
        case Sequence():
            return [unfilled(item) for item in tree.items]
        case Mapping():
            return {key: unfilled(entry.value) for key, entry in tree.entries.items()}


def child(tree: Tree | None, key: str | int) -> Tree | None:
    """The value under a key or index, or None."""
    match tree, key:
        case Mapping(entries=entries), str() if key in entries:
            return entries[key].value
        case Sequence(items=items), int() if key < len(items):
            return items[key]
        case _:
            return None


def entries(tree: Tree | None) -> Iterator[tuple[str, Entry]]:
    """The entries of a mapping; nothing for anything else."""
    if isinstance(tree, Mapping):
        yield from tree.entries.items()


def items(tree: Tree | None) -> tuple[Tree, ...]:
    """The items of a list; nothing for anything else."""
    return tree.items if isinstance(tree, Sequence) else ()


def text_of(tree: Tree | None) -> str | None:
    """The text of a scalar that is not null, else None."""
    return tree.text if isinstance(tree, Scalar) and tree.value is not None else None


def spot_of(tree: Tree, path: Path, *, key: bool = False) -> Spot:
    """Where the value (or, with `key`, the key) at `path` stands; the nearest parent if it is not there."""
    spot, here = tree.spot, tree
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(here, Mapping) and isinstance(part, str) and part in here.entries:
            entry = here.entries[part]
            missing = not last and child(entry.value, path[depth + 1]) is None
            spot = entry.key if missing or (last and key) else entry.value.spot
            here = entry.value
        elif isinstance(here, Sequence) and isinstance(part, int) and part < len(here.items):
            here = here.items[part]
            spot = here.spot
        else:
            break
    return spot
