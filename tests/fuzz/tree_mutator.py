"""Changes a tree of mappings, lists and scalars: other types, other sizes, keys gone, doubled, moved."""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.fuzz.chance import Chance, pick
from tests.fuzz.odd import PIECES, VALUES, deep

_MANY = (2, 3, 10, 200)


def mutated(tree: Any, chance: Chance) -> Any:
    """Another tree, after one to three changes at any depth."""
    box = [copy.deepcopy(tree)]
    for _ in range(1 + chance.below(3)):
        _change(box, chance)
    return box[0]


def written(tree: Any, chance: Chance) -> bytes:
    """As JSON, which is YAML too; non-ASCII as it is or escaped, on one line or on many."""
    ascii_only = chance.below(2) == 0
    text = json.dumps(tree, ensure_ascii=ascii_only, indent=pick(chance, (None, None, 1)))
    return text.encode("utf-8", "surrogatepass")


def _places(box: list[Any]) -> list[tuple[Any, Any]]:
    """Every (container, key) of the tree, the root's first."""
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [box]
    while waiting and len(found) < 3000:
        here = waiting.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here))
        for key in keys:
            found.append((here, key))
            if isinstance(here[key], dict | list):
                waiting.append(here[key])
    return found


def _change(box: list[Any], chance: Chance) -> None:
    home, key = pick(chance, _places(box))
    value = home[key]
    match chance.below(12):
        case 0 | 1 | 2:
            home[key] = copy.deepcopy(pick(chance, VALUES))
        case 3 if home is not box:
            del home[key]
        case 4 if isinstance(home, dict):
            new = pick(chance, (str(key) + pick(chance, PIECES), pick(chance, PIECES), str(key).upper()))
            home[new] = home.pop(key)
        case 5:
            home[key] = [value] if chance.below(2) else {"x": value}
        case 6 if isinstance(value, list):
            home[key] = value * pick(chance, _MANY)
        case 7:
            other, where = pick(chance, _places(box))
            home[key] = copy.deepcopy(other[where])
        case 8 if isinstance(value, dict):
            value[pick(chance, PIECES)] = copy.deepcopy(pick(chance, VALUES))
        case 9 if not isinstance(value, dict | list):
            home[key] = str(value)
        case 10:
            home[key] = deep(pick(chance, (1, 10, 45, 120)), value)
        case _ if isinstance(value, str):
            at = chance.below(len(value) + 1)
            home[key] = value[:at] + pick(chance, PIECES) + value[at + chance.below(3) :]
        case _ if isinstance(value, int):
            home[key] = value + pick(chance, (1, -1, 2**31, 2**64, -(2**40)))
        case _:
            home[key] = copy.deepcopy(pick(chance, VALUES))
