"""Checks a tree against a type and goes on after every mistake; what is wrong is left out of the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.mistakes import did_you_mean, mistake, near
from dynia.interfaces.files.raw import NOT_YET_KEYS, NOT_YET_KINDS
from dynia.interfaces.files.yaml_tree import Mapping, Path, Scalar, Sequence, Spot, Tree
from dynia.interfaces.shape import Shape


class Checked(Shape):
    """`value` is ready for ``msgspec.convert`` (`usable` says so); `lost` are paths that were left out."""

    value: object
    usable: bool
    lost: frozenset[Path]
    mistakes: tuple[Mistake, ...]


def check(tree: Tree, wanted: type[Shape]) -> Checked:
    """Every way in which `tree` is not a `wanted`."""
    checker = _Checker()
    value = checker.check(tree, inspect.type_info(wanted), (), tree.spot)
    usable = not isinstance(value, _Bad)
    return Checked(value=value, usable=usable, lost=frozenset(checker.lost), mistakes=tuple(checker.found))


class _Bad:
    """In place of a value that is wrong."""


_BAD = _Bad()
_NAMES = {"dict": "a mapping", "list": "a list"}


def _described(tree: Tree) -> str:
    match tree:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool()):
            return f"the truth value {tree.text}"
        case Scalar(value=int() | float()):
            return f"the number {tree.text}"
    return f"the text {tree.text!r}"


def _nearest(tree: Tree, types: list[inspect.Type]) -> inspect.Type:
    """Of text or a number the one that is written; what is neither is compared with the first."""
    bare = {type(each.type if isinstance(each, inspect.Metadata) else each): each for each in types}
    written = isinstance(tree, Scalar) and isinstance(tree.value, str)
    return bare.get(inspect.StrType, types[0]) if written else types[0]


class _Checker:
    """Collects mistakes; every method returns the plain value, or `_BAD` after noting why."""

    def __init__(self) -> None:
        self.found: list[Mistake] = []
        self.lost: set[Path] = set()

    def bad(self, spot: Spot, path: Path, rule: str, message: str, hint: str = "") -> _Bad:
        self.found.append(mistake(spot, path, rule, message, hint))
        self.lost.add(path)
        return _BAD

    def check(
        self, tree: Tree, wanted: inspect.Type, path: Path, owner: Spot, extra: dict[str, Any] | None = None
    ) -> object:
        extra = extra or {}
        match wanted:
            case inspect.Metadata(type=inner, extra=more):
                return self.check(tree, inner, path, owner, {**extra, **(more or {})})
            case inspect.StructType():
                return self.struct(tree, wanted, path, owner)
            case inspect.UnionType(types=types):
                return self.union(tree, types, path, owner, extra)
            case inspect.ListType(item_type=item):
                if not isinstance(tree, Sequence):
                    return self.mismatch(tree, path, "a list", extra)
                checked = [self.check(each, item, (*path, n), each.spot) for n, each in enumerate(tree.items)]
                # one bad item makes the list bad: the places of the others would no longer be right
                return _BAD if any(isinstance(value, _Bad) for value in checked) else checked
            case inspect.DictType(key_type=key_type, value_type=value_type):
                return self.dictionary(tree, key_type, value_type, path)
            case inspect.LiteralType(values=values):
                if isinstance(tree, Scalar) and tree.value in values:
                    return tree.value
                return self.choice(tree, path, [str(value) for value in values])
            case _:
                return self.scalar(tree, wanted, path, extra)

    def scalar(self, tree: Tree, wanted: inspect.Type, path: Path, extra: dict[str, Any]) -> object:
        value = tree.value if isinstance(tree, Scalar) else None
        match wanted:
            case inspect.StrType() if extra.get("text") and isinstance(tree, Scalar) and value is not None:
                return tree.text
            case inspect.StrType() if isinstance(value, str):
                # In a pattern `$` also fits before a line end, which would go on into the nodes' configs.
                if wanted.pattern and (value.endswith("\n") or not re.search(wanted.pattern, value)):
                    return self.mismatch(tree, path, "text", extra)
                if len(value) < (wanted.min_length or 0):
                    return self.mismatch(tree, path, "text", extra)
                return value
            case inspect.IntType() if isinstance(value, int) and not isinstance(value, bool):
                low, high = wanted.ge, wanted.le
                if (low is not None and value < low) or (high is not None and value > high):
                    return self.mismatch(tree, path, "a number", extra)
                return value
            case inspect.BoolType() if isinstance(value, bool):
                return value
            case inspect.NoneType() if isinstance(tree, Scalar) and value is None:
                return None
        words = {
            inspect.StrType: "text",
            inspect.IntType: "a whole number",
            inspect.BoolType: "true or false",
        }
        return self.mismatch(tree, path, words.get(type(wanted), "nothing"), extra)

    def mismatch(self, tree: Tree, path: Path, words: str, extra: dict[str, Any]) -> _Bad:
        hint = ""
        if isinstance(tree, Scalar):
            if words == "text" and isinstance(tree.value, bool | int | float):
                hint = f'put quotes around it: "{tree.text}"'
            elif words == "true or false" and tree.text.lower() in ("yes", "on", "no", "off"):
                meant = "true" if tree.text.lower() in ("yes", "on") else "false"
                hint = f"in YAML 1.2 that is a word; write {meant}"
            elif words == "a list" and tree.value is not None:
                hint = f"write [{tree.text}]"
        if extra.get("rule") == "bad-duration" and isinstance(tree, Scalar) and isinstance(tree.value, int):
            hint = f"write {tree.text}s"
        rule = "bad-type"
        if isinstance(tree, Scalar) and tree.value is not None:
            rule = str(extra.get("rule", rule))
        wanted = extra.get("words", words)
        return self.bad(tree.spot, path, rule, f"expected {wanted}, found {_described(tree)}", hint)

    def choice(self, tree: Tree, path: Path, known: Iterable[str]) -> _Bad:
        known = list(known)
        if isinstance(tree, Scalar) and tree.text in NOT_YET_KINDS.get(str(path[-1]), ()):
            return self.not_yet(tree.spot, path, tree.text)
        words = " or ".join(known)
        hint = did_you_mean(tree.text, known) if isinstance(tree, Scalar) and len(known) > 1 else ""
        return self.bad(tree.spot, path, "bad-choice", f"expected {words}, found {_described(tree)}", hint)

    def not_yet(self, spot: Spot, path: Path, what: str) -> _Bad:
        message = f"not yet: this version of Dynia cannot do {what}"
        return self.bad(spot, path, "not-yet", message, "leave it out for now")

    def union(
        self, tree: Tree, types: tuple[inspect.Type, ...], path: Path, owner: Spot, extra: dict[str, Any]
    ) -> object:
        structs = [each for each in types if isinstance(each, inspect.StructType)]
        others = [each for each in types if not isinstance(each, inspect.StructType | inspect.NoneType)]
        lists = [each for each in others if isinstance(each, inspect.ListType)]
        rest = [each for each in others if not isinstance(each, inspect.ListType)]
        if isinstance(tree, Scalar) and tree.value is None:
            return self.mismatch(tree, path, "a value", extra)
        if isinstance(tree, Sequence) and lists:
            return self.check(tree, lists[0], path, owner)
        if len(structs) > 1:
            return self.tagged(tree, structs, path, owner)
        if structs and rest and isinstance(tree, Scalar):
            return self.check(tree, rest[0], path, owner, extra)
        if structs and lists and not isinstance(tree, Mapping):
            return self.mismatch(tree, path, "a mapping or a list", extra)
        if structs:
            return self.check(tree, structs[0], path, owner)
        if lists and isinstance(rest[0], inspect.LiteralType):
            if isinstance(tree, Scalar) and tree.value in rest[0].values:
                return tree.value
            hint = f"write [{tree.text}]" if isinstance(tree, Scalar) else ""
            words = f"{rest[0].values[0]} or a list"
            return self.bad(tree.spot, path, "bad-type", f"expected {words}, found {_described(tree)}", hint)
        return self.check(tree, _nearest(tree, rest), path, owner, extra)

    def tagged(self, tree: Tree, structs: list[inspect.StructType], path: Path, owner: Spot) -> object:
        by_tag = {str(each.tag): each for each in structs}
        field = str(structs[0].tag_field)
        if not isinstance(tree, Mapping):
            known = isinstance(tree, Scalar) and tree.text in {*by_tag, *NOT_YET_KINDS.get(str(path[-1]), ())}
            hint = f"write {{{field}: {tree.text if known and isinstance(tree, Scalar) else '...'}}}"
            message = f"expected a mapping with {field}, found {_described(tree)}"
            return self.bad(tree.spot, path, "bad-type", message, hint)
        if field not in tree.entries:
            message = f"needs {field}: {' or '.join(by_tag)}"
            return self.bad(owner, path, "missing-key", message)
        tag = tree.entries[field].value
        if isinstance(tag, Scalar) and tag.text in NOT_YET_KINDS.get(str(path[-1]), ()):
            self.lost.add(path)
            return self.not_yet(tag.spot, (*path, field), f"{path[-1]} {tag.text}")
        if not isinstance(tag, Scalar) or tag.text not in by_tag:
            self.lost.add(path)
            return self.choice(tag, (*path, field), by_tag)
        return self.struct(tree, by_tag[tag.text], path, owner)

    def struct(self, tree: Tree, wanted: inspect.StructType, path: Path, owner: Spot) -> object:
        if wanted.tag is not None and not self._tag_fits(tree, wanted):
            return self.tagged(tree, [wanted], path, owner)
        if not isinstance(tree, Mapping):
            return self.mismatch(tree, path, "a mapping", {})
        fields = {field.encode_name: field for field in wanted.fields}
        value: dict[str, object] = {}
        if wanted.tag is not None:
            value[str(wanted.tag_field)] = wanted.tag
        for key, entry in tree.entries.items():
            if key in value or (wanted.cls.__name__ == "File" and key.startswith("x-")):
                continue
            if key not in fields:
                self.unknown(key, entry.key, wanted, (*path, key))
                continue
            checked = self.check(entry.value, fields[key].type, (*path, key), entry.key)
            if isinstance(checked, _Bad):
                self.lost.add((*path, key))
            else:
                value[key] = checked
        missing = [name for name, field in fields.items() if field.required and name not in value]
        for name in missing:
            if (*path, name) not in self.lost:
                self.bad(owner, (*path, name), "missing-key", f"{name} is missing")
        if missing:
            self.lost.add(path)
            return _BAD
        return value

    def _tag_fits(self, tree: Tree, wanted: inspect.StructType) -> bool:
        if not isinstance(tree, Mapping):
            return False
        tag = tree.entries.get(str(wanted.tag_field))
        return tag is not None and isinstance(tag.value, Scalar) and tag.value.text == wanted.tag

    def unknown(self, key: str, spot: Spot, wanted: inspect.StructType, path: Path) -> None:
        name = wanted.cls.__name__
        if key in NOT_YET_KEYS.get(name, ()):
            self.not_yet(spot, path, key)
            return
        known = [field.encode_name for field in wanted.fields]
        hint = did_you_mean(key, known)
        if not near(key, known) and not known:
            hint = "it takes no keys"
        self.bad(spot, path, "unknown-key", "there is no such key here", hint)

    def dictionary(self, tree: Tree, key_type: inspect.Type, value_type: inspect.Type, path: Path) -> object:
        if not isinstance(tree, Mapping):
            return self.mismatch(tree, path, "a mapping", {})
        value: dict[str, object] = {}
        for key, entry in tree.entries.items():
            here = (*path, key)
            name = self.check(Scalar(value=key, text=key, spot=entry.key), key_type, here, entry.key)
            checked = self.check(entry.value, value_type, here, entry.key)
            if isinstance(name, _Bad) or isinstance(checked, _Bad):
                self.lost.add(here)
            else:
                value[key] = checked
        return value


def convert(checked: Checked, wanted: type[Shape]) -> Any:
    """The struct, after `check` said that the value is usable."""
    return msgspec.convert(checked.value, wanted)
