"""Edits of YAML text by splicing: what is not meant keeps every byte.

The result is read again and must be the intended tree, else there is no result.
"""

from __future__ import annotations

import copy
import re
from typing import Any, NamedTuple

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.files import yaml_marks as marks
from dynia.interfaces.files.yaml_marks import Unclear
from dynia.interfaces.files.yaml_reader import read_yaml
from dynia.interfaces.files.yaml_tree import plain
from dynia.interfaces.files.yaml_write import block, flow, nested, scalar
from dynia.interfaces.shape import Shape

_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]+)*")
# What may follow the last entry of a line inside of {}: its comma, its comment.
_TAIL = re.compile(r"[ \t]*(,?)([ \t]*|[ \t]+#[^\r\n]*)(?=[\r\n])")
STEP = 2


class Put(Shape):
    """Make the value at `path` this one; mappings on the way that are missing are made."""

    path: tuple[str, ...]
    value: object


class Drop(Shape):
    """Take the entry at `path` out."""

    path: tuple[str, ...]


Edit = Put | Drop


class CannotEdit(DyniaError):
    """The file is written in a way that cannot be spliced. `lines` say what to change by hand."""

    def __init__(self, file: str, lines: tuple[str, ...]) -> None:
        said = "".join(f"\n    {line}" for line in lines)
        super().__init__(
            f"{file} cannot be edited safely here (something is shared by an alias or a merge, or in a "
            f"rare form), so nothing was changed. The change would be:{said}",
            hint="make it by hand, then run `dynia apply`",
        )
        self.lines = lines


class _Splice(NamedTuple):
    """Replace text[start:end]."""

    start: int
    end: int
    text: str


def edit(file: str, data: bytes, edits: tuple[Edit, ...]) -> bytes:
    """`data` with the edits made. Raises `CannotEdit` where that is not sure; `file` is for messages."""
    bom = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""
    try:
        text = data.decode("utf-8").removeprefix(bom)
        for each in edits:
            text = _one(file, text, each)
    except (Unclear, UnicodeDecodeError):
        raise CannotEdit(file, by_hand(edits)) from None
    return (bom + text).encode("utf-8")


def by_hand(edits: tuple[Edit, ...]) -> tuple[str, ...]:
    """What a person would have to write or remove."""
    lines: list[str] = []
    for each in edits:
        if isinstance(each, Drop):
            lines.append(f"# remove {'.'.join(each.path)}")
        else:
            lines += block(each.path[0], nested(each.path[1:], each.value), 0, STEP)
    return tuple(lines)


def _one(file: str, text: str, wanted: Edit) -> str:
    before = _tree(file, text)
    intended = _intended(before, wanted)
    if _same(before, intended):
        return text
    root = marks.compose(text)
    if root is None:
        splices = _append(text, wanted)
    elif isinstance(wanted, Drop):
        splices = _drop(text, root, wanted.path)
    else:
        splices = _put(text, root, before, wanted)
    result, limit = text, len(text)
    for splice in sorted(splices, reverse=True):
        if splice.end > limit:
            raise Unclear
        limit = splice.start
        result = result[: splice.start] + splice.text + result[splice.end :]
    if not _same(_tree(file, result), intended):
        raise Unclear
    return result


def _tree(file: str, text: str) -> object:
    tree, wrong = read_yaml(file, text.encode("utf-8"))
    if tree is None and [each.rule for each in wrong] == ["empty-file"]:
        return None
    if tree is None or wrong:
        raise Unclear
    return plain(tree)


def _intended(before: object, wanted: Edit) -> object:
    tree: Any = {} if before is None else copy.deepcopy(before)
    here = tree
    for key in wanted.path[:-1]:
        if not isinstance(here, dict):
            raise Unclear
        if here.get(key) is None:
            if isinstance(wanted, Drop):
                return before
            here[key] = {}
        here = here[key]
    if not isinstance(here, dict):
        raise Unclear
    if isinstance(wanted, Put):
        here[wanted.path[-1]] = wanted.value
    else:
        here.pop(wanted.path[-1], None)
    return tree


def _same(one: object, other: object) -> bool:
    """Equal, where true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


# Putting


def _put(text: str, root: Any, before: Any, wanted: Put) -> list[_Splice]:
    path, value = wanted.path, wanted.value
    node, key, block_key = root, None, None
    for depth, part in enumerate(path):
        if not marks.is_mapping(node):
            if block_key is None or text[node.start_mark.index : node.end_mark.index].strip():
                raise Unclear
            return _fill(text, block_key, node, path[depth:], value)
        found = marks.pair(node, part)
        if found is None:
            return _add(text, block_key, node, path[depth:], value)
        inside_flow = node.flow_style
        key, node = found
        block_key = None if inside_flow or _in_line(text, key) else key
        before = before[part]
    if isinstance(value, dict):
        raise Unclear
    if isinstance(value, list):
        return _put_list(text, key, node, before, value)
    return _put_scalar(text, key, node, value)


def _put_scalar(text: str, key: Any, node: Any, value: object) -> list[_Splice]:
    if marks.is_mapping(node) or marks.is_list(node):
        raise Unclear
    end = marks.end_of_value(text, key, node)
    if marks.is_alias(key, node):
        start = text.rindex("*", key.end_mark.index, end)
    elif end == marks.after_colon(text, key):
        return [_Splice(end, end, f" {scalar(value)}")]
    else:
        start = _PROPERTIES.match(text, node.start_mark.index).end()  # type: ignore[union-attr]
    quote = node.style if node.style in ("'", '"') and isinstance(value, str) else ""
    return [_Splice(start, end, scalar(value, quote))]


def _put_list(text: str, key: Any, node: Any, have: object, wanted: list[object]) -> list[_Splice]:
    """Items that go are cut out, those that come stand at the end; the others keep their bytes."""
    if not marks.is_list(node) or marks.is_alias(key, node) or not isinstance(have, list):
        raise Unclear
    gone = [index for index, item in enumerate(have) if item not in wanted]
    stay = [item for item in have if item in wanted]
    come = [item for item in wanted if item not in have]
    if not stay or [*stay, *come] != wanted or (gone and node.flow_style):
        return _put_anew(text, node, wanted)
    spans = marks.spans(text, node)
    splices = [_cut_lines(text, *spans[index]) for index in gone]
    if come and node.flow_style:
        splices += _after_flow(text, node, spans, ", ".join(map(flow, come)))
    elif come:
        begin, end = next(span for index, span in reversed([*enumerate(spans)]) if index not in gone)
        column = begin - marks.line_start(text, begin)
        at = marks.end_with_comments(text, end, column + 1)
        feed = marks.line_break(text)
        splices.append(_Splice(at, at, "".join(f"{feed}{' ' * column}- {flow(item)}" for item in come)))
    return splices


def _put_anew(text: str, node: Any, wanted: list[object]) -> list[_Splice]:
    """A list of which nothing stays; where it holds comments that would be lost, a person decides."""
    start, end = int(node.start_mark.index), marks.end_of(text, node)
    if "#" in text[start:end] or text[start] in "&!":
        raise Unclear
    if node.flow_style:
        return [_Splice(start, end, flow(wanted))]
    column = start - marks.line_start(text, start)
    glue = marks.line_break(text) + " " * column
    return [_Splice(start, end, glue.join(f"- {flow(item)}" for item in wanted))]


def _add(text: str, key: Any, node: Any, path: tuple[str, ...], value: object) -> list[_Splice]:
    """A new entry at the end of a mapping; `key` is the one above it, if a block may stand there."""
    made = nested(path[1:], value)
    if not node.value:
        inside = text[node.start_mark.index : node.end_mark.index]
        if key is not None and re.fullmatch(r"\{\s*\}", inside):
            return _fill(text, key, node, path, value)
        at = int(node.end_mark.index) - 1
        return [_Splice(at, at, f"{scalar(path[0])}: {flow(made)}")]
    spans = marks.spans(text, node)
    if node.flow_style:
        return _after_flow(text, node, spans, f"{scalar(path[0])}: {flow(made)}")
    column = int(node.value[0][0].start_mark.column)
    at = marks.end_with_comments(text, spans[-1][1], column)
    feed = marks.line_break(text)
    lines = block(path[0], made, column, _step(text, key, node))
    return [_Splice(at, at, "".join(feed + line for line in lines))]


def _fill(text: str, key: Any, node: Any, path: tuple[str, ...], value: object) -> list[_Splice]:
    """The first entry of a mapping that was `{}` or nothing, under a key of a block."""
    colon = marks.after_colon(text, key)
    end = max(colon, marks.end_of_value(text, key, node))
    rest = text[end : marks.line_end(text, end)]
    if not marks.only_a_comment(rest):
        raise Unclear
    at = marks.line_end(text, end)
    lines = block(path[0], nested(path[1:], value), int(key.start_mark.column) + STEP, STEP)
    feed = marks.line_break(text)
    splices = [_Splice(at, at, "".join(feed + line for line in lines))]
    return [*splices, _Splice(colon, end, "")] if end > colon else splices


def _append(text: str, wanted: Edit) -> list[_Splice]:
    """Into a file that holds nothing but comments."""
    if isinstance(wanted, Drop):
        raise Unclear
    feed = marks.line_break(text)
    lines = block(wanted.path[0], nested(wanted.path[1:], wanted.value), 0, STEP)
    start = "" if not text or text[-1] in "\r\n" else feed
    return [_Splice(len(text), len(text), start + "".join(line + feed for line in lines))]


def _after_flow(text: str, node: Any, spans: list[tuple[int, int]], added: str) -> list[_Splice]:
    """After the last entry of a flow collection. Where each has a line of its own, so has the new one, and a
    comment stays with the entry that it stands behind."""
    begin, end = spans[-1]
    line = marks.line_start(text, begin)
    own_line = not text[line:begin].strip(" ") and line > node.start_mark.index
    tail = _TAIL.match(text, end)
    if not own_line or tail is None:
        return [_Splice(end, end, f", {added}")]
    feed = marks.line_break(text) + text[line:begin]
    at = tail.end()
    if tail[1]:
        return [_Splice(at, at, f"{feed}{added},")]
    return [_Splice(end, at, f",{text[end:at]}{feed}{added}")]


def _in_line(text: str, key: Any) -> bool:
    """Whether something stands before a key on its line: then no block can follow it."""
    return bool(text[marks.line_start(text, key.start_mark.index) : key.start_mark.index].strip(" "))


def _step(text: str, key: Any, node: Any) -> int:
    """How far this file goes in for a level: as the entries beside do it, else as this mapping does."""
    for own, value in node.value:
        if marks.is_mapping(value) and not value.flow_style and not marks.is_alias(own, value):
            found = int(value.value[0][0].start_mark.column) - int(own.start_mark.column)
            if found > 0:
                return found
    if key is not None:
        return max(1, int(node.value[0][0].start_mark.column) - int(key.start_mark.column))
    return STEP


# Dropping


def _drop(text: str, root: Any, path: tuple[str, ...]) -> list[_Splice]:
    node, key = root, None
    for part in path[:-1]:
        found = marks.pair(node, part) if marks.is_mapping(node) else None
        if found is None:
            raise Unclear
        key, node = found
    if not marks.is_mapping(node):
        raise Unclear
    index = next((n for n, (own, _) in enumerate(node.value) if own.value == path[-1]), None)
    if index is None:
        raise Unclear
    splices = _cut(text, node, marks.spans(text, node), index)
    if len(node.value) == 1 and not node.flow_style:
        if key is None:
            raise Unclear
        at = marks.after_colon(text, key)
        splices.append(_Splice(at, at, " {}"))
    return splices


def _cut(text: str, node: Any, spans: list[tuple[int, int]], index: int) -> list[_Splice]:
    """Take out one entry of a mapping."""
    begin, end = spans[index]
    if not node.flow_style:
        return [_cut_lines(text, begin, end)]
    line = marks.line_start(text, begin)
    tail = _TAIL.match(text, end)
    if tail is not None and line > node.start_mark.index and not text[line:begin].strip(" "):
        return [_Splice(line, marks.next_line(text, tail.end()), "")]
    if index + 1 < len(spans):
        return [_Splice(begin, spans[index + 1][0], "")]
    if index and "#" not in text[spans[index - 1][1] : begin]:
        return [_Splice(spans[index - 1][1], end, "")]
    comma = re.compile(r"\s*,").match(text, end)
    return [_Splice(begin, comma.end() if comma else end, "")]


def _cut_lines(text: str, begin: int, end: int) -> _Splice:
    """Whole lines, with the comments that stand further in than the entry."""
    start = marks.line_start(text, begin)
    rest = text[end : marks.line_end(text, end)]
    if text[start:begin].strip(" ") or not marks.only_a_comment(rest):
        raise Unclear
    last = marks.end_with_comments(text, end, begin - start + 1)
    after = marks.next_line(text, last)
    if after == last and start:  # the last line, without a line break: the one before it goes instead
        return _Splice(len(text[:start].removesuffix("\n").removesuffix("\r")), after, "")
    return _Splice(start, after, "")
