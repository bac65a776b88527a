"""Where the parts of a YAML text begin and end: ruamel.yaml's marks, made fit for cutting.

ruamel ends a block where the next token begins, comments and blank lines included; here it ends with its
last value.
"""

from __future__ import annotations

import re
from typing import Any

_BREAK = re.compile("\r\n|[\r\n]")
_COLON = re.compile(r"[ \t]*:")
_ALIAS = re.compile(r"[ \t]*:\s+\*[^\s,\[\]{}]+")
_DASH = re.compile(r"[ \t]*-[ \t]+")


class Unclear(Exception):
    """This text is written in a way that cannot be cut safely."""


def compose(text: str) -> Any:
    """ruamel's tree of nodes, each with `start_mark.index` and `end_mark.index`."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).compose(text)


def is_mapping(node: Any) -> bool:
    return type(node).__name__ == "MappingNode"


def is_list(node: Any) -> bool:
    return type(node).__name__ == "SequenceNode"


def is_alias(key: Any, value: Any) -> bool:
    """An alias is the node of its anchor, which stands further up."""
    return bool(value.start_mark.index < key.start_mark.index)


def pair(mapping: Any, key: str) -> tuple[Any, Any] | None:
    """Key and value nodes of an entry that the mapping has itself (not by ``<<``)."""
    return next(((k, v) for k, v in mapping.value if k.value == key and not is_list(k)), None)


def after_colon(text: str, key: Any) -> int:
    match = _COLON.match(text, key.end_mark.index)
    if match is None:
        raise Unclear
    return match.end()


def end_of_value(text: str, key: Any, value: Any) -> int:
    """Where an entry's value ends: after its last character that means something."""
    if is_alias(key, value):
        match = _ALIAS.match(text, key.end_mark.index)
        if match is None:
            raise Unclear
        return match.end()
    if not _written(text, value):
        match = _COLON.match(text, key.end_mark.index)
        return match.end() if match else int(key.end_mark.index)
    return end_of(text, value)


def end_of(text: str, node: Any) -> int:
    """Where a node that is no alias ends."""
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    if is_mapping(node) and not node.flow_style:
        return end_of_value(text, *node.value[-1])
    if is_list(node) and not node.flow_style:
        last = node.value[-1]
        if last.start_mark.index < start or not _written(text, last):
            raise Unclear
        return end_of(text, last)
    if not (is_mapping(node) or is_list(node)) and node.style in ("|", ">"):
        written = text[start:end]
        keeps = "+" in written.split("\n", 1)[0]
        return start + len(re.sub("(\r\n|[\r\n])$", "", written) if keeps else written.rstrip())
    return end


def spans(text: str, node: Any) -> list[tuple[int, int]]:
    """Begin and end of every entry of a mapping, or item of a list. A block's item begins at its dash."""
    if is_mapping(node):
        return [(key.start_mark.index, end_of_value(text, key, value)) for key, value in node.value]
    found = []
    for item in node.value:
        begin = int(item.start_mark.index)
        if begin < node.start_mark.index or not _written(text, item):
            raise Unclear
        if not node.flow_style:
            line = line_start(text, begin)
            match = _DASH.fullmatch(text, line, begin)
            if match is None:
                raise Unclear
            begin = line + text[line:begin].index("-")
        found.append((begin, end_of(text, item)))
    return found


def _written(text: str, node: Any) -> bool:
    return bool(text[node.start_mark.index : node.end_mark.index].strip())


def line_start(text: str, index: int) -> int:
    return max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1


def line_end(text: str, index: int) -> int:
    """Where the line ends, before its line break."""
    match = _BREAK.search(text, index)
    return match.start() if match else len(text)


def next_line(text: str, index: int) -> int:
    """Where the next line begins; the end of the text if there is none."""
    match = _BREAK.search(text, index)
    return match.end() if match else len(text)


def line_break(text: str) -> str:
    """How the lines of this text end."""
    match = _BREAK.search(text)
    return match.group() if match else "\n"


def end_with_comments(text: str, index: int, column: int) -> int:
    """The end of the line at `index`, or of the comment lines right below that are `column` or more in."""
    end = line_end(text, index)
    while (below := next_line(text, end)) < len(text):
        line = text[below : line_end(text, below)]
        bare = line.lstrip(" ")
        if not bare.startswith("#") or len(line) - len(bare) < column:
            break
        end = line_end(text, below)
    return end


def only_a_comment(text: str) -> bool:
    """Whether nothing but blanks and a comment is left on a line."""
    return re.fullmatch(r"[ \t]*|[ \t]+#.*", text) is not None
