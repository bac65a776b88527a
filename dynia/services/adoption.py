"""What a file has to say so that it asks for what a generation was: edits, files, and what is left. Pure.

Nothing secret is written: `.env` and what compose files call secrets are told by name, for a person.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

import msgspec

from dynia.interfaces.desired import ClusterSpec, Firewall, Service
from dynia.interfaces.files.dotenv import read_dotenv
from dynia.interfaces.files.yaml_edit import Drop, Edit, Put
from dynia.interfaces.shape import Shape
from dynia.services.planning.components.caddy import caddy_component
from dynia.services.planning.content import BUILT_IN, FILE, content_of

BACK = ("firewall", "caddy")
replace = msgspec.structs.replace


class Adoption(Shape):
    """`edits` of clusters.yaml; `files` by path below its folder, with what they are to hold."""

    edits: tuple[Edit, ...] = ()
    files: dict[str, bytes] = {}


def adopt(now: ClusterSpec, then: ClusterSpec, written: Mapping[str, object]) -> Adoption:
    """`now` is what the file says, `then` what it is to say, `written` the cluster's entry in it. Only what
    differs is touched, so that the rest keeps its bytes."""
    at = ("clusters", now.name)
    services = written.get("services")
    have = services if isinstance(services, dict) else {}
    edits: list[Edit] = []
    files: dict[str, bytes] = {}
    before = {s.name: s for s in now.services}
    for service in then.services:
        entry = _told_by_node(service.as_written)
        edits += _entry((*at, "services", service.name), have.get(service.name), entry)
        files |= _files(service, before.get(service.name), entry)
    names = {s.name for s in then.services}
    edits += [Drop(path=(*at, "services", name)) for name in sorted(before) if name not in names]
    edits += _firewall((*at, "firewall"), now.firewall, then.firewall, written.get("firewall"))
    files |= _templates(now, then, written.get("templates"))
    return Adoption(edits=tuple(edits), files=dict(sorted(files.items())))


def _told_by_node(as_written: bytes) -> dict[str, object]:
    """A service's entry. No digest is of it, so it may be anything; what does not come of it is told."""
    try:
        return msgspec.json.decode(as_written, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}


def left(then: ClusterSpec, after: ClusterSpec) -> tuple[str, ...]:
    """What `after`, the file with all of it written, still says otherwise: a person's to change."""
    found = [*_contents(then, after)]
    was = {s.name: s for s in then.services}
    for service in after.services:
        old = was.get(service.name)
        if old is not None:
            found += _secrets(old, service)
    return tuple(sorted(found))


def _entry(path: tuple[str, ...], have: object, entry: Mapping[str, object]) -> list[Edit]:
    """One edit for each leaf: the rest of the entry keeps its bytes."""
    if not isinstance(have, dict):
        return [Put(path=path, value=dict(entry))]
    edits: list[Edit] = []
    for key, value in entry.items():
        if isinstance(value, dict) and isinstance(have.get(key), dict):
            edits += _entry((*path, key), have[key], value)
        elif have.get(key) != value:
            edits += _put((*path, key), have.get(key), value)
    return [*edits, *(Drop(path=(*path, key)) for key in have if key not in entry)]


def _put(path: tuple[str, ...], have: object, value: object) -> list[Edit]:
    """A list is not spliced into what is none: that goes first."""
    put = Put(path=path, value=value)
    return [Drop(path=path), put] if have is not None and type(have) is not type(value) else [put]


def _files(then: Service, now: Service | None, entry: Mapping[str, object]) -> dict[str, bytes]:
    compose = _inside(entry.get("compose"))
    if not compose:
        return {}
    folder = posixpath.dirname(compose)
    found = {} if now is not None and now.compose == then.compose else {compose: then.compose}
    known = {f.path: f.content for f in now.files} if now is not None else {}
    for file in then.files:
        if not file.secret and file.path != ".env" and known.get(file.path) != file.content:
            found[posixpath.normpath(posixpath.join(folder, file.path))] = file.content
    return found


def _inside(path: object) -> str:
    """A path below the folder of clusters.yaml, or nothing. A node told it: it must not lead out of there.
    What is not written because of that, and differs, is told."""
    found = posixpath.normpath(path) if isinstance(path, str) and path else ""
    return "" if found.startswith(("/", "~", "..")) else found


def _firewall(path: tuple[str, ...], now: Firewall, then: Firewall, written: object) -> list[Edit]:
    edits: list[Edit] = []
    have = written if isinstance(written, dict) else {}
    if now.enabled != then.enabled:
        edits.append(Put(path=(*path, "enabled"), value=then.enabled))
    for key in ("ssh", "http"):
        old, new = getattr(now, key), getattr(then, key)
        if old != new:
            edits += _put((*path, key), have.get(key), list(new) or "any")
    return edits


def _templates(now: ClusterSpec, then: ClusterSpec, folder: object) -> dict[str, bytes]:
    folder = _inside(folder)
    if not folder:
        return {}
    return {
        posixpath.join(folder, name): text.encode()
        for name, text in then.templates.items()
        if now.templates.get(name) != text
    }


def _contents(then: ClusterSpec, after: ClusterSpec) -> Iterable[str]:
    old, new = _told(then), _told(after)
    for of, path in sorted({*old, *new}):
        was, is_now = old.get((of, path)), new.get((of, path))
        if was != is_now:
            how = "is missing" if is_now is None else "has to go" if was is None else "differs"
            yield f"{of}: {path} {how}"


def _told(spec: ClusterSpec) -> dict[tuple[str, str], str]:
    """By whom and path, of what goes back."""
    services = tuple(_without_sources(service) for service in spec.services)
    spec = replace(spec, caddy_image=caddy_component(spec).image, services=services)
    parts = content_of(spec, spec.templates)
    return {
        (part.of, part.path): part.digest
        for part in parts
        if part.of not in (FILE, BUILT_IN) or part.path in BACK or part.path.startswith("services.")
    }


def _without_sources(service: Service) -> Service:
    """Nodes do not know them; the entry that is written does."""
    return replace(service, secrets=tuple(replace(one, source=None) for one in service.secrets))


def _secrets(then: Service, after: Service) -> Iterable[str]:
    of = f"service {then.name}"
    old, new = (read_dotenv("", text, {}, strict=False).values for text in (then.dotenv, after.dotenv))
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield f"{of}: {name} in .env or env: differs"
    kept = {f.path: f.content for f in after.files if f.secret}
    for file in then.files:
        if file.secret and file.path != ".env" and kept.get(file.path, file.content) != file.content:
            yield f"{of}: {file.path}, a secret, differs"
