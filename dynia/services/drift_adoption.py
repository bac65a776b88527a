"""What of drift a file can say, and what has to be written so that it does. Pure."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable

from dynia.interfaces.desired import CloudflareDns, ClusterSpec, Service
from dynia.interfaces.errors import Refused
from dynia.interfaces.files.yaml_edit import Edit, Put
from dynia.interfaces.observed import NodeFacts, NotObserved
from dynia.interfaces.shape import Shape
from dynia.services.actions.dns import NAME_TYPES
from dynia.services.planning.components.service import COMPOSE, DOTENV, OVERRIDE, folder
from dynia.services.planning.drift_items import item
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Drift

ELSE = "`dynia drift revert` puts it back, `dynia drift ignore` leaves it for a while"
_PROXIED = {"proxied": True, "no longer proxied": False}


class Taken(Shape):
    """A file of a service as `node` has it at `path`, with that digest. `source` is where it comes from, and
    `before` what that says now."""

    source: str
    before: bytes
    node: str
    path: str
    digest: str


class Adoption(Shape):
    """`edits` of clusters.yaml, and files whose text a node has to be asked for."""

    edits: tuple[Edit, ...] = ()
    taken: tuple[Taken, ...] = ()


def adopt(
    given: PlanningInput, spec: ClusterSpec, found: tuple[Drift, ...], meant: tuple[Drift, ...]
) -> Adoption:
    """`found` is all that drifted, `meant` what is to be taken over. Raises Refused where no file says it."""
    edits: dict[tuple[str, ...], Edit] = {}
    taken: dict[str, Taken] = {}
    for drift in meant:
        if drift.kind == "record":
            put = _record(given, spec, drift)
            edits[put.path] = put
        elif drift.kind == "file" and drift.category == "tampered":
            one = _file(given, spec, drift)
            alike = (
                d for d in found if (d.kind, d.subject, d.category) == ("file", drift.subject, "tampered")
            )
            _refuse_unlike(given, one, alike)
            taken.setdefault(one.source, one)
        else:
            raise Refused(f"{item(drift)} ({drift.detail}): no file can say that", hint=ELSE)
    return Adoption(edits=tuple(edits.values()), taken=tuple(taken.values()))


def _record(given: PlanningInput, spec: ClusterSpec, drift: Drift) -> Put:
    """Whether Cloudflare stands before a name: the file says it for all names of the cluster."""
    proxied = _PROXIED.get(drift.detail)
    if proxied is None or not isinstance(spec.dns, CloudflareDns):
        hint = f"a record follows the domains of services; {ELSE}"
        raise Refused(f"{item(drift)} ({drift.detail}): no file can say that", hint=hint)
    records = given.observed.records
    ours = () if isinstance(records, NotObserved) else records
    others = [r.name for r in ours if r.ours and r.type in NAME_TYPES and r.proxied != proxied]
    if others:
        raise Refused(
            f"{item(drift)} ({drift.detail}): dns.proxied is for all names of cluster {spec.name}, and "
            f"{', '.join(others[:3])} {'is' if len(others) == 1 else 'are'} otherwise",
            hint=f"make them alike first, or: {ELSE}",
        )
    return Put(path=("clusters", spec.name, "dns", "proxied"), value=proxied)


def _file(given: PlanningInput, spec: ClusterSpec, drift: Drift) -> Taken:
    service = next((s for s in spec.services if drift.subject.startswith(f"{folder(s.name)}/")), None)
    name = drift.subject.removeprefix(f"{folder(service.name)}/") if service else ""
    if service is None or name == OVERRIDE:
        raise Refused(
            f"{item(drift)} is written by Dynia, not by you",
            hint="what is to stay goes into a template of yours (`templates:`, docs/clusters-yaml.md); else: "
            + ELSE,
        )
    source, before, secret = _source(service, name, item(drift))
    if secret:
        raise Refused(
            f"{item(drift)} holds a secret, which no command writes into a file",
            hint=f"change it where it comes from, by hand; else: {ELSE}",
        )
    if drift.detail != "edited":
        raise Refused(f"{item(drift)} ({drift.detail}): only an edited text can be taken over", hint=ELSE)
    digest = _seen(given, drift)
    if not digest.startswith("sha256:"):
        raise Refused(f"{item(drift)}: what it says now is not known here", hint="`dynia drift` looks again")
    if _applied(given, drift, service) != _sha256(before):
        raise Refused(
            f"{item(drift)}: {source} was changed too since it was applied, and would be overwritten",
            hint="bring the two together by hand, then `dynia apply`",
        )
    return Taken(source=source, before=before, node=drift.node, path=drift.subject, digest=digest)


def _source(service: Service, name: str, shown: str) -> tuple[str, bytes, bool]:
    """Where a file of the service's comes from, what it says there, and whether that is a secret."""
    if name == DOTENV:
        return "", service.dotenv, True
    if name == COMPOSE:
        return service.source, service.compose, False
    for file in service.files:
        if file.path == name:
            path = posixpath.join(posixpath.dirname(service.source), file.path)
            return path, file.content, file.secret
    raise Refused(
        f"{shown} is in no file of service {service.name} any more", hint="`dynia apply` removes it"
    )


def _refuse_unlike(given: PlanningInput, taken: Taken, alike: Iterable[Drift]) -> None:
    """Two nodes that say two things: nobody knows which one is meant."""
    others = [d.node for d in alike if _seen(given, d) != taken.digest]
    if others:
        raise Refused(
            f"{taken.path} is another one on {', '.join(others)} than on {taken.node}",
            hint=f"make one of them right first: `dynia drift revert {others[0]}:...`",
        )


def _seen(given: PlanningInput, drift: Drift) -> str:
    facts = given.observed.nodes.get(drift.node)
    files = facts.files if isinstance(facts, NodeFacts) else ()
    return next((f.digest for f in files if f.path == drift.subject), "")


def _applied(given: PlanningInput, drift: Drift, service: Service) -> str:
    """The digest of the text that the node was given last."""
    node, home = given.state.node(given.target, drift.node), given.state.cluster(given.target)
    component = f"service/{service.name}"
    live = node.pushed.get(component, node.components.get(component, "")) if node else ""
    for release in home.releases if home else ():
        if (release.component, release.id) == (component, live):
            return next((f.digest for f in release.files if f.path == drift.subject), "")
    return ""


def _sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
