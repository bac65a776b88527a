"""Which names a template may use: they follow from the type of its data, so empty lists hide nothing."""

from __future__ import annotations

import typing
from collections.abc import Mapping

import msgspec

from dynia.interfaces.shape import Shape


class Text(Shape):
    """Something that is printed."""


class Number(Shape):
    """Printed, but no section: 0 would read as "not there"."""


class Flag(Shape):
    """A section or inverted section; never printed."""


class Record(Shape):
    """Fields by name."""

    fields: dict[str, Names]


class Listing(Shape):
    """A section that is repeated."""

    item: Names


Names = Text | Number | Flag | Record | Listing
_PAIR = Record(fields={"key": Text(), "value": Text()})
# chevron looks up a name as an attribute too: a field called like one of these would find a method.
_TAKEN = frozenset(name for kind in (str, int, bool, list, dict) for name in dir(kind))


def names_of(kind: type[Shape]) -> Record:
    """Names of a template whose data is of this type."""
    fields = msgspec.structs.fields(kind)
    taken = sorted(field.name for field in fields if field.name in _TAKEN)
    if taken:
        raise ValueError(f"{kind.__name__}: {', '.join(taken)} cannot be names in a template")
    return Record(fields={field.name: _names(field.type) for field in fields})


def _names(kind: object) -> Names:
    if kind is bool:
        return Flag()
    if kind is str:
        return Text()
    if kind in (int, float):
        return Number()
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return Listing(item=_names(arguments[0]))
    if origin is dict and arguments == (str, str):
        return Listing(item=_PAIR)
    if isinstance(kind, type) and issubclass(kind, Shape):
        return names_of(kind)
    raise TypeError(f"{kind!r} cannot be data of a template")


def look_up(key: str, scopes: list[Names]) -> Names | None:
    """What a name means, innermost scope first; None if it means nothing."""
    if key == ".":
        return scopes[-1]
    first, *rest = key.split(".")
    for scope in reversed(scopes):
        if isinstance(scope, Record) and first in scope.fields:
            found: Names | None = scope.fields[first]
            for part in rest:
                found = found.fields.get(part) if isinstance(found, Record) else None
            return found
    return None


def known_names(scopes: list[Names]) -> tuple[str, ...]:
    """Everything that may stand in a tag here."""
    maps: list[Mapping[str, Names]] = [scope.fields for scope in scopes if isinstance(scope, Record)]
    return tuple(sorted({name for fields in maps for name in fields}))
