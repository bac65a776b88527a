"""Worlds as values, for tests of the planner: clusters, what a settled one looks like, and ways to disturb it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import msgspec

from dynia.interfaces.desired import (
    ClusterSpec,
    Container,
    DockerProvider,
    Service,
    ServiceSecret,
    ShippedFile,
    Target,
    VariableSource,
    VipEntry,
)
from dynia.interfaces.observed import (
    CertificateSeen,
    FileSeen,
    NodeFacts,
    NotObserved,
    Observed,
    ObservedNode,
    ProviderAddress,
    ProviderNode,
    ResolvedImage,
)
from dynia.services.planning.addresses import PENDING
from dynia.services.planning.certificates import record_of
from dynia.services.planning.closing import closing_changes, opening_changes
from dynia.services.planning.components import PEM, image_references, secret_files
from dynia.services.planning.components.service_secrets import content_of, path_of
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.manifests import heal, only_manifests
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import apply_steps, simulate
from dynia.state.model import SetCertificate, State, change

LINEAGE = "1f0c9a52-lineage"
TEMPLATES = Path(__file__).parents[2] / "templates"
replace = msgspec.structs.replace


@cache
def _templates() -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(p.relative_to(TEMPLATES)), p.read_text()) for p in sorted(TEMPLATES.rglob("*.mustache"))
    )


def templates() -> dict[str, str]:
    return dict(_templates())


def service(
    name: str = "api",
    image: str = "registry.example/api:1.8",
    domains: tuple[str, ...] | None = None,
    config: str = "",
    env: str = "",
    **more: object,
) -> Service:
    """A service with one routed container, and one mounted file where `config` is not empty."""
    files = (
        (ShippedFile(path="config/app.toml", mode=0o644, content=config.encode(), source="app.toml"),)
        if config
        else ()
    )
    made = Service(
        name=name,
        kind="http",
        source=f"./{name}/compose.yaml",
        compose=f"services:\n  web:\n    image: {image}\n".encode(),
        dotenv=env.encode(),
        files=files,
        containers=(
            Container(
                name="web",
                image=image,
                config=f'{{"image":"{image}"}}',
                files=tuple(f.path for f in files),
            ),
        ),
        domains=(f"{name}.example.com",) if domains is None else domains,
        target=Target(container="web", port=8080),
    )
    return replace(made, **more)


def worker(name: str = "mailer", image: str = "registry.example/mailer:3") -> Service:
    return replace(service(name, image, domains=()), kind="worker", target=None)


def cluster(nodes: int = 3, services: tuple[Service, ...] | None = None, **more: object) -> ClusterSpec:
    made = ClusterSpec(
        name="prod",
        provider=DockerProvider(),
        nodes=nodes,
        entry=VipEntry(),
        services=(service(),) if services is None else services,
    )
    return replace(made, **more)


def resolved(reference: str) -> ResolvedImage:
    digest = hashlib.sha256(reference.encode()).hexdigest()
    name = reference.rpartition(":")[0]
    pinned = f"{name}@sha256:{digest}"
    return ResolvedImage(reference=reference, origin="registry", run=pinned, pull=pinned)


def start(spec: ClusterSpec) -> PlanningInput:
    """Nothing is there yet."""
    given = PlanningInput(
        target=spec.name,
        desired=spec,
        state=State(lineage=LINEAGE),
        observed=Observed(),
        templates=templates(),
    )
    return wanting(given, spec)


def wanting(given: PlanningInput, spec: ClusterSpec | None) -> PlanningInput:
    """The same world with another file: its images are resolved, its secret files compared on every node."""
    if spec is None:
        return replace(given, desired=None)
    secrets = known_secrets(spec)
    nodes: dict[str, ObservedNode] = {}
    for name, facts in given.observed.nodes.items():
        if isinstance(facts, NodeFacts):
            facts = replace(facts, secrets=_told(facts, secrets))
        nodes[name] = facts
    images = {reference: resolved(reference) for reference in image_references(spec)}
    observed = replace(given.observed, images=images, nodes=nodes)
    return replace(given, desired=spec, observed=observed, secrets=secrets)


TOKEN = "dop_v1_failover"


def known_secrets(spec: ClusterSpec) -> dict[str, bytes]:
    """Every secret file whose source is here: in these worlds the name of a variable is its value, too."""
    values = {
        path_of(service.name, one): content_of(one, one.source.env.encode())
        for service in spec.services
        for one in service.secrets
        if isinstance(one.source, VariableSource)
    }
    return {**secret_files(spec, {}, TOKEN), **values}


def secret(name: str, value: str, **more: object) -> ServiceSecret:
    made = ServiceSecret(
        name=name, source=VariableSource(env=value), containers=("web",), where="clusters.yaml:9:13"
    )
    return replace(made, **more)


def hmac(content: bytes) -> str:
    return "hmac:" + hashlib.sha256(b"the node's key" + content).hexdigest()


def _told(facts: NodeFacts, secrets: Mapping[str, bytes]) -> dict[str, str]:
    """A node compares with its key, which it has since it was made ready."""
    return {path: hmac(content) for path, content in secrets.items()} if facts.lineage else {}


def passes(given: PlanningInput, most: int = 6) -> tuple[list[Plan], PlanningInput]:
    """Plan and simulate until nothing is left; what came up is made real between the passes."""
    plans = []
    for change_ in opening_changes(given):
        given = replace(given, state=change(given.state, change_))
    for _ in range(most + 1):
        plan = make_plan(given)
        if not plan.steps or (plans and only_manifests(plan.steps)):
            worked = any(not only_manifests(one.steps) for one in plans)
            return plans, closed(given, plan, worked=worked)
        plans.append(plan)
        given = real(simulate(given, plan))
    raise AssertionError(f"not settled after {most} passes: {[s.id for s in plan.steps][:8]}")


def closed(given: PlanningInput, plan: Plan, *, worked: bool) -> PlanningInput:
    whole = not plan.not_observed and all(w.final for w in plan.waiting)
    for change_ in closing_changes(given, at=1, by="test", commit="", worked=worked, whole=whole):
        given = replace(given, state=change(given.state, change_))
    return kept(given)


def kept(given: PlanningInput) -> PlanningInput:
    """Nodes that answer are given their manifests, as at the end of an apply."""
    if given.desired is None:
        return given
    return apply_steps(given, heal(given, given.state).steps, None)


def settled(spec: ClusterSpec) -> PlanningInput:
    return passes(start(spec))[1]


def real(given: PlanningInput) -> PlanningInput:
    """Placeholders become addresses, ids and HMACs, as they do when the real world is looked at again."""
    names = [n.name for n in given.state.nodes_of(given.target)]
    nodes = []
    for node in given.state.nodes:
        if "(known" in node.private_ip:
            where = f"198.18.7.{10 + node.ordinal}"
            node = replace(
                node,
                provider_id=f"box-{node.ordinal}" if "(known" in node.provider_id else node.provider_id,
                address=where,
                private_ip=where,
                host_key="ssh-ed25519 AAAA",
            )
        nodes.append(node)
    seen = given.observed
    machines = seen.provider_nodes
    if not isinstance(machines, NotObserved):
        machines = tuple(_real_machine(m) for m in machines)
    addresses = seen.addresses
    home = given.state.cluster(given.target)
    state = replace(given.state, nodes=tuple(nodes))
    if home and home.certificate and "(known" in home.certificate.chain:
        kept = [
            f.certificates[PEM] for f in seen.nodes.values() if isinstance(f, NodeFacts) and f.certificates
        ]
        found = next(one for one in kept if one.chain == home.certificate.chain)
        known = record_of(_real_certificate(found), home.certificate.origin)
        state = change(state, SetCertificate(cluster=home.name, certificate=known))
        home = state.cluster(given.target)
    if not isinstance(addresses, NotObserved):
        addresses = tuple(_real_address(a) for a in addresses)
    if home and home.reserved_ip and "(known" in home.reserved_ip.address:
        taken = replace(home.reserved_ip, address="198.18.7.5", provider_id="address-1")
        state = replace(
            state,
            clusters=tuple(
                replace(c, reserved_ip=taken) if c.name == home.name else c for c in state.clusters
            ),
        )
    facts: dict[str, ObservedNode] = {}
    for name, found in seen.nodes.items():
        facts[name] = _real_facts(found, given) if name in names else found
    observed = replace(seen, nodes=facts, provider_nodes=machines, addresses=addresses)
    return replace(given, state=state, observed=observed)


def _real_machine(machine: ProviderNode) -> ProviderNode:
    if "(known" not in machine.private_ip:
        return machine
    where = f"198.18.7.{10 + machine.ordinal}"
    known = machine.provider_id if "(known" not in machine.provider_id else f"box-{machine.ordinal}"
    return replace(machine, provider_id=known, public_ip=where, private_ip=where, host_key="ssh-ed25519 AAAA")


def _real_address(address: ProviderAddress) -> ProviderAddress:
    if "(known" not in address.address:
        return address
    return replace(address, address="198.18.7.5", provider_id="address-1")


def _real_facts(facts: ObservedNode, given: PlanningInput) -> ObservedNode:
    if isinstance(facts, NotObserved):
        return facts
    secrets = _told(facts, given.secrets)
    files = tuple(
        replace(f, digest=secrets.get(f.path, f.digest)) if "(known" in f.digest else f for f in facts.files
    )
    addresses = tuple("198.18.7.5" if "(known" in a else a for a in facts.addresses)
    boot = "boot-1" if "(known" in facts.boot_id else facts.boot_id
    packages = {k: "1.0" if "(known" in v else v for k, v in facts.packages.items()}
    return replace(
        facts,
        files=files,
        secrets=secrets,
        addresses=addresses,
        boot_id=boot,
        packages=packages,
        certificates={path: _real_certificate(found) for path, found in facts.certificates.items()},
    )


def _real_certificate(found: CertificateSeen) -> CertificateSeen:
    """Another chain for other names or another time."""
    if "(known" not in found.chain:
        return found
    chain = hashlib.sha256(f"{found.origin}{found.names}{found.not_after}".encode()).hexdigest()
    return replace(found, chain=chain, fingerprint=chain[::-1])


def certificate(
    *names: str, days: int = 90, at: int = 0, origin: str = "self-signed", fits: bool = True
) -> CertificateSeen:
    """One that is good for `days` from `at` on, of a life of 90."""
    made = CertificateSeen(
        fingerprint=f"{PENDING}",
        chain=PENDING,
        names=names,
        not_before=at + (days - 90) * 86_400,
        not_after=at + days * 86_400,
        origin=origin,
        fits=fits,
    )
    return _real_certificate(made)


def node_named(given: PlanningInput, ordinal: int) -> str:
    return next(n.name for n in given.state.nodes_of(given.target) if n.ordinal == ordinal)


def with_facts(given: PlanningInput, name: str, edit: Callable[[NodeFacts], ObservedNode]) -> PlanningInput:
    facts = given.observed.nodes[name]
    assert isinstance(facts, NodeFacts)
    nodes = {**given.observed.nodes, name: edit(facts)}
    return replace(given, observed=replace(given.observed, nodes=nodes))


def edited(path: str) -> Callable[[NodeFacts], NodeFacts]:
    def edit(facts: NodeFacts) -> NodeFacts:
        assert path in {f.path for f in facts.files}
        files = tuple(
            replace(f, digest="sha256:" + "e" * 64, mtime=1_699_900_000) if f.path == path else f
            for f in facts.files
        )
        return replace(facts, files=files)

    return edit


def dropped_in(path: str) -> Callable[[NodeFacts], NodeFacts]:
    new = FileSeen(path=path, kind="file", mode=0o644, owner="root:root", digest="sha256:" + "d" * 64)

    def edit(facts: NodeFacts) -> NodeFacts:
        return replace(facts, files=tuple(sorted((*facts.files, new), key=lambda f: f.path)))

    return edit


def silent(given: PlanningInput, name: str, reason: str = "no answer within 25 s") -> PlanningInput:
    return with_facts(given, name, lambda _: NotObserved(reason=reason))


def machine(given: PlanningInput, name: str, status: str | None) -> PlanningInput:
    """The provider's word about a machine: its status, or None where it is gone. Nobody answers there."""
    listed = given.observed.provider_nodes
    assert not isinstance(listed, NotObserved)
    kept = tuple(
        replace(m, status=status) if m.name == name else m for m in listed if m.name != name or status
    )
    given = replace(given, observed=replace(given.observed, provider_nodes=kept))
    return silent(given, name, "connection refused")
