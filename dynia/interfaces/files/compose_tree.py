"""A compose file and its local includes as one model, variables filled in, every part with its place."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping as AnyMapping

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.dotenv import read_dotenv
from dynia.interfaces.files.interpolation import MAX_FILLED, CannotInterpolate, interpolate
from dynia.interfaces.files.look import Absent, Regular
from dynia.interfaces.files.mistakes import did_you_mean, mistake
from dynia.interfaces.files.shipping import Shipment
from dynia.interfaces.files.yaml_reader import read_yaml
from dynia.interfaces.files.yaml_tree import (
    Entry,
    Mapping,
    Path,
    Scalar,
    Sequence,
    Spot,
    Tree,
    child,
    entries,
    items,
    text_of,
)
from dynia.interfaces.shape import Shape

SECTIONS = ("services", "networks", "volumes", "configs", "secrets")
_TOP_KEYS = (*SECTIONS, "include", "name", "version")


class Part(Shape):
    """One entry of a section. `folder` is that of its file, relative to the main compose file's."""

    key: Spot
    tree: Tree
    folder: str


class Model(Shape):
    """Sections by name. `top` is where the main file begins."""

    top: Spot
    sections: dict[str, dict[str, Part]]


class _Reading(Shape):
    """What reading needs besides the text."""

    shipment: Shipment
    model: Model
    found: list[Mistake]


def read_model(
    relative: str, data: bytes, variables: AnyMapping[str, str], shipment: Shipment, found: list[Mistake]
) -> Model | None:
    """`relative` is the compose file below the shipment's root. None if nothing can be said about it."""
    top = Spot(file=shipment.name(relative), line=1, column=1)
    model = Model(top=top, sections={section: {} for section in SECTIONS})
    reading = _Reading(shipment=shipment, model=model, found=found)
    usable = _read(reading, relative, data, variables, (relative,))
    return model if usable else None


def _read(
    reading: _Reading, relative: str, data: bytes, variables: AnyMapping[str, str], chain: tuple[str, ...]
) -> bool:
    found, name = reading.found, reading.shipment.name(relative)
    raw, wrong = read_yaml(name, data)
    found.extend(wrong)
    if raw is None:
        return False
    if not isinstance(raw, Mapping):
        found.append(mistake(raw.spot, (), "bad-type", "a compose file is a mapping with services:"))
        return False
    tree = filled(raw, variables, (), found, Budget())
    folder = posixpath.dirname(relative)
    for key, entry in entries(tree):
        if key not in _TOP_KEYS and not key.startswith("x-"):
            hint = did_you_mean(key, _TOP_KEYS)
            found.append(mistake(entry.key, (key,), "unknown-key", "there is no such key here", hint))
    for section in SECTIONS:
        part = child(tree, section)
        if part is None or (isinstance(part, Scalar) and part.value is None):
            continue
        if not isinstance(part, Mapping):
            found.append(mistake(part.spot, (section,), "bad-type", "expected a mapping"))
            continue
        for key, entry in part.entries.items():
            _add(reading, section, key, Part(key=entry.key, tree=entry.value, folder=folder))
    _includes(reading, child(tree, "include"), folder, variables, chain)
    return True


def _add(reading: _Reading, section: str, key: str, part: Part) -> None:
    home = reading.model.sections[section]
    if key not in home:
        home[key] = part
        return
    first = home[key].key
    message = f"{key} stands in {first.file}:{first.line} already"
    reading.found.append(mistake(part.key, (section, key), "include-conflict", message))


def _includes(
    reading: _Reading,
    tree: Tree | None,
    folder: str,
    variables: AnyMapping[str, str],
    chain: tuple[str, ...],
) -> None:
    if tree is None:
        return
    if not isinstance(tree, Sequence):
        reading.found.append(mistake(tree.spot, ("include",), "bad-type", "expected a list of files"))
        return
    for index, item in enumerate(tree.items):
        path: Path = ("include", index)
        sources = [item]
        if isinstance(item, Mapping):
            for key, entry in item.entries.items():
                if key != "path":
                    message = f"include with {key} is not supported"
                    reading.found.append(mistake(entry.key, (*path, key), "include-form", message))
            listed = child(item, "path")
            sources = list(items(listed)) if isinstance(listed, Sequence) else [listed] if listed else []
            if len(sources) != 1:
                message, hint = "expected one file", "write one include for each file"
                reading.found.append(mistake(item.spot, path, "include-form", message, hint))
                continue
        _include(reading, sources[0], path, folder, variables, chain)


def _include(
    reading: _Reading,
    item: Tree,
    path: Path,
    folder: str,
    variables: AnyMapping[str, str],
    chain: tuple[str, ...],
) -> None:
    found, shipment = reading.found, reading.shipment
    source = text_of(item)
    if not source:
        found.append(mistake(item.spot, path, "bad-type", "expected a file"))
        return
    if "://" in source or source.startswith(("git@", "oci:", "github.com/")):
        message, hint = "a remote include cannot be reviewed", "copy the file beside the compose file"
        found.append(mistake(item.spot, path, "remote-include", message, hint))
        return
    before = len(found) + len(shipment.found)
    shipment.ship(folder, source, item.spot, path)
    if len(found) + len(shipment.found) > before:
        return
    relative = posixpath.normpath(posixpath.join(folder, source))
    if relative in chain:
        message = " includes ".join((*chain, relative))
        found.append(mistake(item.spot, path, "include-cycle", message))
        return
    seen = shipment.read("", relative)
    if isinstance(seen, Absent) or seen.content is None:
        found.append(mistake(item.spot, path, "missing-file", f"{shipment.name(relative)}: not a file"))
        return
    here = posixpath.dirname(relative)
    own = shipment.read(here, ".env") if here else Absent(reason="")
    if isinstance(own, Regular) and own.content is not None:
        # an included file's folder may have defaults of its own; what the main file knows wins
        shipment.ship(here, ".env", item.spot, path, secret=True)
        read = read_dotenv(shipment.name(f"{here}/.env"), own.content, variables, strict=True)
        found.extend(read.mistakes)
        variables = {**read.values, **variables}
    _read(reading, relative, seen.content, variables, (*chain, relative))


class Budget:
    """How many characters variables may still bring into one file."""

    def __init__(self, left: int = MAX_FILLED) -> None:
        self.left = left


def filled(
    tree: Tree, variables: AnyMapping[str, str], path: Path, found: list[Mistake], budget: Budget
) -> Tree:
    """The tree with every variable filled in. A value that had one is text from then on, as in Compose."""
    match tree:
        case Scalar(text=text, value=str()) if "$" in text:
            try:
                value = interpolate(text, variables) if budget.left > 0 else ""
                budget.left -= len(value)
                if budget.left <= 0:
                    limit = f"{MAX_FILLED >> 20} Mi characters"
                    message = f"with this the file is more than {limit} once its variables are filled in"
                    raise CannotInterpolate(0, 1, "too-large", message)
            except CannotInterpolate as error:
                spot = _inside(tree.spot, text, error.offset, error.width)
                found.append(mistake(spot, path, error.rule, error.message, error.hint))
                value = text
            return Scalar(value=value, text=value, spot=tree.spot, pattern=text)
        case Sequence(items=values):
            done = tuple(filled(each, variables, (*path, n), found, budget) for n, each in enumerate(values))
            return Sequence(items=done, spot=tree.spot)
        case Mapping(entries=pairs):
            mapped = {
                key: Entry(key=entry.key, value=filled(entry.value, variables, (*path, key), found, budget))
                for key, entry in pairs.items()
            }
            return Mapping(entries=mapped, spot=tree.spot)
    return tree


def _inside(spot: Spot, text: str, offset: int, width: int) -> Spot:
    """The place of a part of the value that begins at `spot`, if it can be seen there."""
    token = text[offset : offset + width]
    line, start = spot.text, spot.column - 1
    quote = 1 if line[start : start + 1] in ("'", '"') else 0
    at = start + quote + offset
    if not line.startswith(token, at):  # escapes before it, or a value of several lines
        at = line.find(token, start)
    if at < 0 or not token:
        return spot
    return Spot(file=spot.file, line=spot.line, column=at + 1, width=len(token), text=line)
