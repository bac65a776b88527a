"""A file of a release, rendered from its template; and the hash that names its content."""

from __future__ import annotations

import hashlib
from typing import ClassVar

import msgspec

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.release import ReleaseFile
from dynia.interfaces.shape import Shape
from dynia.services.planning.components.base import Topology
from dynia.services.planning.mustache import compiled

ROOT = "/opt/dynia"
SUFFIX = ".mustache"


class TemplateData(Shape):
    """Base of what templates are given. A template must use every name, but for those in `OPTIONAL`."""

    OPTIONAL: ClassVar[frozenset[str]] = frozenset({"cluster"})

    @classmethod
    def required(cls) -> frozenset[str]:
        return frozenset(cls.__struct_fields__) - cls.OPTIONAL


class NoData(TemplateData):
    """For templates that have no variables."""


def rendered(
    topology: Topology,
    name: str,
    path: str,
    data: TemplateData | None = None,
    *,
    mode: int = 0o644,
) -> ReleaseFile:
    """The file at `path`, rendered from template `name` (without ``.mustache``)."""
    data = NoData() if data is None else data
    kind, shown = type(data), f"templates/{name}{SUFFIX}"
    template = compiled(shown, template_text(topology, name), kind, kind.required())
    return ReleaseFile(path=path, mode=mode, content=template.render(data).encode())


def config_hash(topology: Topology, name: str, data: Shape) -> str:
    """Names what a template makes of its data, so that a file can carry it (it cannot carry its own hash)."""
    hasher = hashlib.sha256(template_text(topology, name).encode())
    hasher.update(msgspec.json.encode(data, order="deterministic"))
    return hasher.hexdigest()[:16]


def template_text(topology: Topology, name: str) -> str:
    try:
        return topology.templates[name + SUFFIX]
    except KeyError:
        raise DyniaError(f"the template {name}{SUFFIX} is missing") from None
