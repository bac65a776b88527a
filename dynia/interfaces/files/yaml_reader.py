"""Reads YAML text into a tree with positions: bounded, one document, no tags, duplicate keys refused."""

from __future__ import annotations

import re
from typing import Any

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.mistakes import mistake
from dynia.interfaces.files.yaml_scalars import plain_value
from dynia.interfaces.files.yaml_tree import Entry, Mapping, Scalar, Sequence, Spot, Tree, dotted

MAX_BYTES = 1024 * 1024
MAX_NODES = 100_000  # aliases counted as often as they are used
MAX_DEPTH = 50

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff")

# Only an escape in a quoted text can make one; nothing can be written with it.
_HALF = re.compile("[\ud800-\udfff]")


class _Stop(Exception):
    """Reading cannot go on after this mistake."""

    def __init__(self, found: Mistake) -> None:
        super().__init__(found.message)
        self.found = found


class _Open:
    """A list or mapping whose end was not reached yet."""

    def __init__(self, spot: Spot, anchor: str | None, mapping: bool) -> None:
        self.spot, self.anchor, self.mapping = spot, anchor, mapping
        self.items: list[Tree] = []
        self.entries: dict[str, Entry] = {}
        self.merged: list[tuple[Spot, Tree]] = []
        self.key: tuple[str, Spot, bool] | None = None


def read_yaml(file: str, data: bytes) -> tuple[Tree | None, tuple[Mistake, ...]]:
    """The tree and the mistakes found on the way. Without a tree nothing more can be said about the file."""
    try:
        text = _decode(file, data)
        reader = _Reader(file, text)
        tree = reader.read()
    except _Stop as stop:
        return None, (stop.found,)
    return tree, tuple(reader.found)


def _decode(file: str, data: bytes) -> str:
    start = Spot(file=file, line=1, column=1)
    if len(data) > MAX_BYTES:
        raise _Stop(mistake(start, (), "too-large", f"larger than {MAX_BYTES // 1024} KiB"))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = _BREAK.split(data[: error.start].decode("utf-8"))
        shown = _BREAK.split(data.decode("utf-8", "replace"))[len(before) - 1]
        spot = Spot(file=file, line=len(before), column=len(before[-1]) + 1, text=shown)
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise _Stop(mistake(spot, (), "not-utf8", message, "save the file as UTF-8")) from error
    text = text.removeprefix("\ufeff")
    odd = _UNPRINTABLE.search(text)
    if odd:
        before = _BREAK.split(text[: odd.start()])
        line = _BREAK.split(text)[len(before) - 1]
        spot = Spot(file=file, line=len(before), column=len(before[-1]) + 1, text=line)
        message = f"character U+{ord(odd.group()):04X} may not stand in YAML"
        raise _Stop(mistake(spot, (), "bad-character", message, 'in a quoted text write it as "\\x.."'))
    return text


class _Reader:
    """Holds what one reading needs: open nodes, anchors, mistakes."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text, self.lines = file, text, _BREAK.split(text)
        self.stack: list[_Open] = []
        self.anchors: dict[str, Tree] = {}
        self.found: list[Mistake] = []
        self.root: Tree | None = None
        self.documents = 0

    def read(self) -> Tree:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            for event in YAML(typ="safe", pure=True).parse(self.text):
                self.take(event)
        except MarkedYAMLError as error:
            mark: Any = error.problem_mark or error.context_mark
            spot = self.at(mark.line, mark.column, mark.column + 1)
            raise _Stop(self.syntax(spot, str(error.problem or error.context))) from error
        except (YAMLError, ValueError, IndexError, AttributeError, TypeError) as error:
            # ruamel lets a few errors of its own through on broken directives and escapes
            raise _Stop(self.syntax(self.at(0, 0, 1), str(error).split("\n")[0])) from error
        if self.root is None:
            raise _Stop(mistake(self.at(0, 0, 1), (), "empty-file", "the file is empty"))
        return self.root

    def syntax(self, spot: Spot, problem: str) -> Mistake:
        if spot.text[: spot.column].strip(" ").startswith("\t"):
            message, hint = "a tab cannot indent YAML", "indent with spaces"
            return mistake(spot, (), "tab", message, hint)
        return mistake(spot, (), "yaml-syntax", f"not YAML: {problem}")

    def at(self, line: int, start: int, end: int) -> Spot:
        line = min(line, len(self.lines) - 1)
        text = self.lines[line]
        return Spot(file=self.file, line=line + 1, column=start + 1, width=max(1, end - start), text=text)

    def spot(self, event: Any) -> Spot:
        start, end = event.start_mark, event.end_mark
        same = end.line == start.line
        return self.at(start.line, start.column, end.column if same else len(self.lines[start.line].rstrip()))

    def path(self) -> tuple[str | int, ...]:
        found: list[str | int] = []
        for frame in self.stack:
            if not frame.mapping:
                found.append(len(frame.items))
            elif frame.key:
                found.append(frame.key[0])
        return tuple(found)

    def stop(self, spot: Spot, rule: str, message: str, hint: str = "") -> _Stop:
        return _Stop(mistake(spot, self.path(), rule, message, hint))

    def take(self, event: Any) -> None:
        match type(event).__name__:
            case "DocumentStartEvent":
                self.documents += 1
                if self.documents > 1:
                    raise self.stop(self.spot(event), "one-document", "only one YAML document is read")
            case "ScalarEvent":
                self.tag(event, ("!", "tag:yaml.org,2002:str"))
                spot = self.spot(event)
                half = _HALF.search(event.value)
                if half:
                    message = f"U+{ord(half.group()):04X} is half a character"
                    raise self.stop(
                        spot, "bad-character", message, "write the whole one, or \\U and eight digits"
                    )
                quoted = event.style is not None or event.tag is not None
                value = event.value if quoted else plain_value(event.value)
                self.put(Scalar(value=value, text=event.value, spot=spot), event.anchor, plain=not quoted)
            case "MappingStartEvent" | "SequenceStartEvent":
                mapping = type(event).__name__ == "MappingStartEvent"
                self.tag(event, ("tag:yaml.org,2002:map" if mapping else "tag:yaml.org,2002:seq",))
                if len(self.stack) >= MAX_DEPTH:
                    raise self.stop(self.spot(event), "too-deep", f"more than {MAX_DEPTH} levels")
                start = event.start_mark
                self.stack.append(
                    _Open(self.at(start.line, start.column, start.column + 1), event.anchor, mapping)
                )
            case "MappingEndEvent" | "SequenceEndEvent":
                self.close(self.stack.pop(), event)
            case "AliasEvent":
                if event.anchor not in self.anchors:
                    hint = "define it first as &" + event.anchor
                    raise self.stop(self.spot(event), "unknown-alias", f"no anchor &{event.anchor}", hint)
                self.put(self.anchors[event.anchor], None, plain=False)

    def tag(self, event: Any, allowed: tuple[str, ...]) -> None:
        tag = event.tag
        if tag is not None and str(tag) not in allowed:
            shown = str(tag).replace("tag:yaml.org,2002:", "!!")
            raise self.stop(self.spot(event), "yaml-tag", f"the tag {shown} is not supported", "leave it out")

    def close(self, frame: _Open, event: Any) -> None:
        node: Tree
        if not frame.mapping:
            depth = 1 + max((item.depth for item in frame.items), default=0)
            size = 1 + sum(item.size for item in frame.items)
            node = Sequence(items=tuple(frame.items), spot=frame.spot, depth=depth, size=size)
        else:
            self.merge(frame)
            values = [entry.value for entry in frame.entries.values()]
            depth = 1 + max((value.depth for value in values), default=0)
            size = 1 + sum(1 + value.size for value in values)
            node = Mapping(entries=frame.entries, spot=frame.spot, depth=depth, size=size)
        if node.size > MAX_NODES:
            message = f"more than {MAX_NODES} values once its aliases are filled in"
            raise self.stop(frame.spot, "too-many-values", message)
        if node.depth > MAX_DEPTH:
            raise self.stop(frame.spot, "too-deep", f"more than {MAX_DEPTH} levels")
        self.put(node, frame.anchor, plain=False)

    def merge(self, frame: _Open) -> None:
        """``<<``: what the mapping does not say itself comes from the merged ones, the first one wins."""
        for spot, merged in frame.merged:
            for source in merged.items if isinstance(merged, Sequence) else (merged,):
                if not isinstance(source, Mapping):
                    message = "<< takes a mapping or a list of mappings"
                    self.found.append(mistake(spot, (*self.path(), "<<"), "bad-merge", message))
                    continue
                for key, entry in source.entries.items():
                    frame.entries.setdefault(key, entry)

    def put(self, node: Tree, anchor: str | None, *, plain: bool) -> None:
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if not frame.mapping:
            frame.items.append(node)
        elif frame.key is None:
            if not isinstance(node, Scalar):
                raise self.stop(node.spot, "bad-key", "a key must be a word")
            frame.key = (node.text, node.spot, plain and node.text == "<<")
        else:
            (name, spot, is_merge), frame.key = frame.key, None
            if is_merge:
                frame.merged.append((spot, node))
            elif name in frame.entries:
                first = frame.entries[name].key.line
                path = (*self.path(), name)
                message = f"{dotted((name,))} stands twice"
                hint = f"the first one is on line {first}"
                self.found.append(mistake(spot, path, "duplicate-key", message, hint))
            else:
                frame.entries[name] = Entry(key=spot, value=node)
