"""A generation as nodes keep it: what the cluster was rendered from, and how that becomes wanted again. Pure.

One file of two lines. The first has no secret and is what the state knows the digest of; the second, which
never leaves nodes but for a rollback's memory, holds `.env`, what compose files call secrets, and services as
the file had them (`env:` is in there)::

    {"spec": {...}, "images": {...}}
    {"secrets": {"api": {".env": "..."}}, "entries": {"api": "..."}, "checksum": "sha256:..."}
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping

import msgspec

from dynia.interfaces.desired import (
    AcmeTls,
    ClusterSpec,
    FilesTls,
    Hooks,
    Service,
    Ssh,
    SshHost,
    SshProvider,
)
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import ResolvedImage
from dynia.interfaces.shape import Shape
from dynia.services.planning.components import image_references
from dynia.services.planning.components.caddy import caddy_component
from dynia.services.planning.components.service import DOTENV
from dynia.services.planning.images import resolved_images
from dynia.services.planning.inputs import PlanningInput
from dynia.state.model import Node

replace = msgspec.structs.replace
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


class Inputs(Shape):
    """What configs are rendered from. `spec` without machines and how they are reached: those are today's.
    Templates are in it only where they are the team's own: Dynia's are those of the Dynia that renders, since
    drains and checks rely on them."""

    spec: ClusterSpec
    images: dict[str, ResolvedImage] = {}


class _Hidden(Shape):
    """By service and path. `checksum` is of this line without it: it never leaves the node by itself."""

    secrets: dict[str, dict[str, bytes]] = {}
    entries: dict[str, bytes] = {}
    checksum: str = ""


def inputs_of(given: PlanningInput, spec: ClusterSpec) -> Inputs:
    """Without the paths of the runner's own files, so that it is the same from whichever machine."""
    found = resolved_images(given, spec).found
    images = {name: found[name] for name in image_references(spec) if name in found}
    return Inputs(spec=_bare(spec), images=images)


def digest_of(inputs: Inputs) -> str:
    return _sha256(_public(inputs))


def written(inputs: Inputs) -> bytes:
    """The whole file."""
    services = inputs.spec.services
    hidden = _Hidden(
        secrets={s.name: found for s in services if (found := _secrets(s))},
        entries={s.name: s.as_written for s in services if s.as_written},
    )
    return _public(inputs) + b"\n" + _encode(replace(hidden, checksum=_checksum(hidden))) + b"\n"


def read(where: str, content: bytes, digest: str) -> Inputs:
    """`where` says where it lay, `digest` is the state's. DyniaError where it is another one, or torn."""
    public, _, rest = content.partition(b"\n")
    if _sha256(public) != digest:
        raise DyniaError(f"{where}: what lies there is not what was kept: it was edited or is torn")
    try:
        inputs = msgspec.json.decode(public, type=Inputs)
        hidden = msgspec.json.decode(rest, type=_Hidden)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DyniaError(
            f"{where}: it cannot be read: {error}", hint="it may be of another version of Dynia: use that one"
        ) from error
    if hidden.checksum != _checksum(hidden):
        raise DyniaError(f"{where}: its secrets are not what was kept: they were edited or are torn")
    _refuse_odd(where, inputs)
    services = tuple(
        replace(_revealed(s, hidden.secrets.get(s.name, {})), as_written=hidden.entries.get(s.name, b""))
        for s in inputs.spec.services
    )
    return replace(inputs, spec=replace(inputs.spec, services=services))


def _refuse_odd(where: str, inputs: Inputs) -> None:
    """Names become paths, as those of the file do. Of a state that was made again from nodes, the digest is
    from the one that says them."""
    spec = inputs.spec
    names = [s.name for s in spec.services if not _NAME.fullmatch(s.name)]
    paths = [file.path for service in spec.services for file in service.files]
    paths += [secret.name for service in spec.services for secret in service.secrets]
    for odd in (*names, *(path for path in (*paths, *spec.templates) if not _is_below(path))):
        raise DyniaError(
            f"{where}: {odd!r} is no name that Dynia keeps", hint="look at that node: somebody wrote it there"
        )


def _is_below(path: str) -> bool:
    return path.isprintable() and {"", ".", ".."}.isdisjoint(path.split("/"))


def on_today(
    target: Inputs, newest: Inputs, number: int, service: str, nodes: tuple[Node, ...], ssh: Ssh
) -> Inputs:
    """What a rollback wants. Machines, addresses, certificates, logins and the rules of rollouts are today's:
    those of the newest generation, on the nodes that there are. With `service` all the rest is, too."""
    hosts = tuple(
        SshHost(
            name=n.provider_id,
            host=n.address,
            private_ip=n.private_ip,
            user=n.user,
            port=n.port,
            host_key=n.host_key,
        )
        for n in nodes
        if isinstance(newest.spec.provider, SshProvider)
    )
    spec = replace(newest.spec, nodes=len(nodes), hosts=hosts, ssh=ssh)
    if not service:
        back = target.spec
        spec = replace(
            spec,
            services=back.services,
            firewall=back.firewall,
            caddy_image=back.caddy_image,
            templates=back.templates,
        )
        return Inputs(spec=spec, images=target.images)
    old = next((s for s in target.spec.services if s.name == service), None)
    if old is None:
        names = ", ".join(s.name for s in target.spec.services) or "none"
        raise Refused(
            f"cluster {spec.name}: generation {number} has no service {service}",
            hint=f"its services: {names}",
        )
    others = tuple(s for s in spec.services if s.name != service)
    services = tuple(sorted((*others, old), key=lambda s: s.name))
    images = newest.images | {
        c.image: target.images[c.image] for c in old.containers if c.image in target.images
    }
    return Inputs(spec=replace(spec, services=services), images=images)


def _bare(spec: ClusterSpec) -> ClusterSpec:
    provider, tls = spec.provider, spec.tls
    if isinstance(provider, SshProvider):
        provider = replace(provider, known_hosts="")
    if isinstance(tls, FilesTls):
        tls = FilesTls(certificate="", key="")
    elif isinstance(tls, AcmeTls):
        tls = replace(tls, ca="")
    # A later Dynia may choose another Caddy where the file names none.
    image = caddy_component(spec).image
    services = tuple(_anywhere(service) for service in spec.services)
    bare = replace(spec, provider=provider, tls=tls, caddy_image=image, services=services)
    # What happens on the runner, and who is told, is no node's to know.
    return replace(bare, nodes=0, hosts=(), ssh=Ssh(), hooks=Hooks(), notify=(), protect="", ignored=())


def _anywhere(service: Service) -> Service:
    """Files are told by where they land on nodes, and where secrets come from is the runner's."""
    files = tuple(replace(f, source=f.path) for f in service.files)
    secrets = tuple(replace(s, source=None, where="") for s in service.secrets)
    return replace(service, source=posixpath.basename(service.source), files=files, secrets=secrets)


def _public(inputs: Inputs) -> bytes:
    services = tuple(replace(_revealed(s, {}), as_written=b"") for s in inputs.spec.services)
    return _encode(replace(inputs, spec=replace(inputs.spec, services=services)))


def _secrets(service: Service) -> dict[str, bytes]:
    found = {f.path: f.content for f in service.files if f.secret}
    return dict(sorted({**found, DOTENV: service.dotenv}.items())) if service.dotenv or found else {}


def _revealed(service: Service, secrets: Mapping[str, bytes]) -> Service:
    files = tuple(replace(f, content=secrets.get(f.path, b"")) if f.secret else f for f in service.files)
    return replace(service, dotenv=secrets.get(DOTENV, b""), files=files)


def _encode(value: Shape) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _checksum(hidden: _Hidden) -> str:
    return _sha256(_encode(replace(hidden, checksum="")))


def _sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
