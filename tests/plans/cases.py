"""The golden plans, by name: a settled cluster and what happened to it.

`python -m tests.plans.cases` writes `inputs.json` and `plan.txt` of every case again; read the diff.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from dynia.commands.screens.plan import plan_text
from dynia.interfaces.desired import (
    ApiEntry,
    CloudflareDns,
    ClusterSpec,
    NoEntry,
    PreDeploy,
    Rollout,
    SelfSignedTls,
    SshHost,
    SshProvider,
)
from dynia.interfaces.node_requests import WHOLE_NODE
from dynia.interfaces.observed import DnsRecord, NodeFacts, ProviderAddress, ProviderNode, UnitSeen
from dynia.services.planning.by_hand import Restart
from dynia.services.planning.components import PEM, TOKEN
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan, Step
from dynia.services.planning.planner import make_plan
from dynia.state.model import Intent, PutIntent, change
from tests.plans import worlds
from tests.plans.templates import SMALL

HERE = Path(__file__).parent
HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"
DROP_IN = "/etc/systemd/system/haproxy.service.d/dynia.conf"
replace = msgspec.structs.replace


def settled(spec: ClusterSpec) -> PlanningInput:
    return worlds.passes(replace(worlds.start(spec), templates=SMALL))[1]


def three() -> PlanningInput:
    return settled(worlds.cluster())


def changed(given: PlanningInput, **more: object) -> PlanningInput:
    assert given.desired is not None
    return worlds.wanting(given, replace(given.desired, **more))


def new_image() -> tuple[worlds.Service, ...]:
    return (worlds.service(image="registry.example/api:1.9"),)


def first_deploy() -> PlanningInput:
    return replace(worlds.start(worlds.cluster()), templates=SMALL)


def left_drained() -> PlanningInput:
    """A run died while it had drained a node."""
    given = three()
    name = given.state.nodes_of(given.target)[0].name
    facts = given.observed.nodes[name]
    assert isinstance(facts, NodeFacts)
    nodes = {**given.observed.nodes, name: replace(facts, drained=("api",))}
    return replace(given, observed=replace(given.observed, nodes=nodes))


def second_pass_of_first_deploy() -> PlanningInput:
    from dynia.services.planning.simulate import simulate

    given = first_deploy()
    return worlds.real(simulate(given, make_plan(given)))


def nothing_to_do() -> PlanningInput:
    return three()


def scale_up() -> PlanningInput:
    return changed(three(), nodes=4)


def scale_down() -> PlanningInput:
    return changed(settled(worlds.cluster(4)), nodes=2)


def image_change() -> PlanningInput:
    return changed(three(), services=new_image())


def file_change() -> PlanningInput:
    given = settled(worlds.cluster(services=(worlds.service(config="level = 1\n"),)))
    return changed(given, services=(worlds.service(config="level = 2\n"),))


def pre_deploy() -> PlanningInput:
    """A release that something is run before."""
    once = PreDeploy(container="web", command=("./manage.py", "migrate"))
    given = settled(worlds.cluster(services=(worlds.service(config="level = 1\n"),)))
    return changed(given, services=(worlds.service(config="level = 2\n", pre_deploy=once),))


def secret_change() -> PlanningInput:
    given = settled(worlds.cluster(services=(worlds.service(env="TOKEN=one\n"),)))
    return changed(given, services=(worlds.service(env="TOKEN=two\n"),))


def new_and_removed_service() -> PlanningInput:
    given = settled(worlds.cluster(services=(worlds.service(), worlds.service("old"))))
    return changed(given, services=(worlds.service(), worlds.worker()))


def tampered_and_pending() -> PlanningInput:
    given = changed(three(), services=(worlds.service(domains=("v2.example.com",)),))
    name = worlds.node_named(given, 2)
    given = worlds.with_facts(given, name, worlds.edited(HAPROXY))
    given = worlds.with_facts(given, name, worlds.dropped_in("/opt/dynia/haproxy/backup.cfg"))
    return worlds.with_facts(given, worlds.node_named(given, 3), keepalived_stopped)


def keepalived_stopped(facts: NodeFacts) -> NodeFacts:
    stopped = UnitSeen(name="keepalived.service", active="inactive", enabled="disabled")
    units = tuple(stopped if u.name == stopped.name else u for u in facts.units)
    return replace(facts, units=units, vrrp="")


def container_gone() -> PlanningInput:
    given = three()
    return worlds.with_facts(
        given,
        worlds.node_named(given, 2),
        lambda f: replace(f, containers=tuple(c for c in f.containers if c.project != "dynia-api")),
    )


def firewall_gone() -> PlanningInput:
    """On one node the table was deleted by hand, on another one a rule was put in."""
    given = three()
    for ordinal, told in ((1, "changed"), (2, "gone")):
        name = worlds.node_named(given, ordinal)
        given = worlds.with_facts(given, name, lambda facts, told=told: replace(facts, firewall=told))
    return given


def restart() -> PlanningInput:
    """A service is to start again, and the file says something new of another one by now."""
    services = (worlds.service(), worlds.service("web"))
    given = settled(worlds.cluster(services=services))
    given = changed(given, services=(services[0], worlds.service("web", image="registry.example/web:9")))
    return replace(given, by_hand=Restart(service="api").begun(given.observed))


def entrance_edited() -> PlanningInput:
    """On every node the drop-in of HAProxy was edited: there it starts again, and the holder hands over before."""
    given = three()
    for node in given.state.nodes_of("prod"):
        given = worlds.with_facts(given, node.name, worlds.edited(DROP_IN))
    return given


def entrance_edited_and_nobody_to_take_over() -> PlanningInput:
    """The others have no keepalived that could be told."""
    given = entrance_edited()
    for ordinal in (2, 3):
        given = worlds.with_facts(
            given, worlds.node_named(given, ordinal), lambda facts: replace(facts, vrrp="FAULT")
        )
    return given


def node_drained() -> PlanningInput:
    """Somebody drained a node; a service that is to change there waits for nobody, on the others for its end."""
    given = image_change()
    name = worlds.node_named(given, 2)
    return worlds.with_facts(given, name, lambda facts: replace(facts, drained=(WHOLE_NODE,)))


def holder_last_in_two_lanes() -> PlanningInput:
    spec = worlds.cluster(6, rollout=Rollout(max_unavailable=2))
    return changed(settled(spec), services=new_image())


def node_silent() -> PlanningInput:
    given = image_change()
    return worlds.silent(given, worlds.node_named(given, 2))


def node_off() -> PlanningInput:
    given = three()
    return worlds.machine(given, worlds.node_named(given, 2), "off")


def node_gone() -> PlanningInput:
    given = three()
    return worlds.machine(given, worlds.node_named(given, 2), None)


def orphan_machine() -> PlanningInput:
    return with_stray(three())


def with_stray(given: PlanningInput) -> PlanningInput:
    listed = given.observed.provider_nodes
    assert isinstance(listed, tuple)
    stray = ProviderNode(provider_id="box-9", name="lost-lynx", ordinal=9, status="running", host_key="k")
    return replace(given, observed=replace(given.observed, provider_nodes=(*listed, stray)))


def address_left_behind() -> PlanningInput:
    """A node has the reserved IP and is not MASTER, beside the one who is."""
    given = three()
    home = given.state.clusters[0]
    assert home.reserved_ip is not None
    address = home.reserved_ip.address
    name = worlds.node_named(given, 2)
    return worlds.with_facts(given, name, lambda f: replace(f, addresses=(*f.addresses, address)))


def each_serves_what_the_other_lacks() -> PlanningInput:
    """Of two services each node lost the container of another one, and both are to change."""
    given = settled(worlds.cluster(2, services=(worlds.service(), worlds.service("web"))))
    for ordinal, lost in ((1, "dynia-web"), (2, "dynia-api")):
        name = worlds.node_named(given, ordinal)
        given = worlds.with_facts(given, name, lambda facts, lost=lost: without(facts, lost))
    new = "registry.example/api:1.9"
    return changed(given, services=(worlds.service(image=new), worlds.service("web", image=new)))


def without(facts: NodeFacts, project: str) -> NodeFacts:
    return replace(facts, containers=tuple(c for c in facts.containers if c.project != project))


def begun_and_not_wanted() -> PlanningInput:
    """Two creates of a cut apply: of one a machine came, of the other nothing; the file is back at three."""
    given = three()
    for name, ordinal in (("lost-lynx", 9), ("never-newt", 10)):
        intent = Intent(cluster="prod", step=f"{name}/create", kind="node", ordinal=ordinal, name=name)
        given = replace(given, state=change(given.state, PutIntent(intent=intent)))
    address = PutIntent(intent=Intent(cluster="prod", step="reserved-ip/allocate", kind="reserved_ip"))
    given = replace(given, state=change(given.state, address))
    return with_stray(given)


def two_masters() -> PlanningInput:
    given = three()
    home = given.state.clusters[0]
    assert home.reserved_ip is not None
    address = home.reserved_ip.address

    def master(facts: NodeFacts) -> NodeFacts:
        return replace(facts, vrrp="MASTER", addresses=(*facts.addresses, address))

    return worlds.with_facts(given, worlds.node_named(given, 2), master)


def one_node() -> PlanningInput:
    return changed(settled(worlds.cluster(1)), services=new_image())


def entry_api_first() -> PlanningInput:
    """The MASTER claims the address itself, so no step attaches it."""
    return replace(worlds.start(worlds.cluster(entry=ApiEntry())), templates=SMALL)


def entry_api_without_token() -> PlanningInput:
    """Nobody can claim the address, so the plan attaches it."""
    given = entry_api_first()
    return replace(given, secrets={p: c for p, c in given.secrets.items() if p != TOKEN})


def held_by(given: PlanningInput, owner: str) -> PlanningInput:
    """The provider's word about who has the address."""
    address = ProviderAddress(provider_id="address-1", address="198.18.7.5", owner=owner)
    return replace(given, observed=replace(given.observed, addresses=(address,)))


def entry_api_image_change() -> PlanningInput:
    """Who has the address goes last, by the provider's word."""
    return changed(settled(worlds.cluster(entry=ApiEntry())), services=new_image())


def entry_api_split() -> PlanningInput:
    return held_by(settled(worlds.cluster(entry=ApiEntry())), "box-2")


def entry_api_unclaimed() -> PlanningInput:
    """The MASTER's claim unit runs: whatever keeps it from claiming is not for the plan to override."""
    return held_by(settled(worlds.cluster(entry=ApiEntry())), "")


def entry_api_given_up() -> PlanningInput:
    """Claim units sleep before the address is detached, or they would take it back."""
    return changed(settled(worlds.cluster(entry=ApiEntry())), entry=NoEntry())


def entry_api() -> PlanningInput:
    """From vip to api; another address with our tag is left over."""
    given = changed(three(), entry=ApiEntry())
    kept = ProviderAddress(provider_id="address-1", address="198.18.7.5")
    left = ProviderAddress(provider_id="address-9", address="198.18.7.9", owner="box-2")
    return replace(given, observed=replace(given.observed, addresses=(kept, left)))


def dns() -> PlanningInput:
    """One record of ours is right, one points elsewhere, one is no longer wanted; two are not ours."""
    zone = CloudflareDns(zone="example.com")
    services = (worlds.service(domains=("api.example.com", "www.example.com", "shop.example.com")),)
    given = settled(worlds.cluster(services=services))

    def record(number: int, name: str, value: str, ours: bool = True) -> DnsRecord:
        return DnsRecord(record_id=f"r{number}", name=f"{name}.example.com", type="A", value=value, ours=ours)

    records = (
        record(1, "api", "198.18.7.5"),
        record(2, "www", "198.18.9.9"),
        record(3, "gone", "198.18.7.5"),
        record(4, "shop", "198.18.8.8", ours=False),
        record(5, "mail", "198.18.8.9", ours=False),
    )
    given = changed(given, dns=zone, services=services)
    return replace(given, observed=replace(given.observed, records=records))


def tls_first() -> PlanningInput:
    """A cluster that serves HTTP is to serve HTTPS."""
    return changed(three(), tls=SelfSignedTls())


def tls() -> PlanningInput:
    return settled(worlds.cluster(tls=SelfSignedTls()))


def tls_scale_up() -> PlanningInput:
    return changed(tls(), nodes=4)


def tls_expires() -> PlanningInput:
    """70 of the certificate's 90 days are over, and a service changes too."""
    given = changed(tls(), services=new_image())
    return replace(given, observed=replace(given.observed, at=70 * 86_400))


def tls_new_domain() -> PlanningInput:
    return changed(tls(), services=(worlds.service(domains=("api.example.com", "www.example.com")),))


def tls_edited() -> PlanningInput:
    """On one node lies another certificate, on another one nothing."""
    given = tls()
    other = worlds.certificate("api.example.com", origin="")

    def edit(facts: NodeFacts) -> NodeFacts:
        return replace(facts, certificates={PEM: other})

    def gone(facts: NodeFacts) -> NodeFacts:
        return replace(facts, files=tuple(f for f in facts.files if f.path != PEM), certificates={})

    given = worlds.with_facts(given, worlds.node_named(given, 1), edit)
    return worlds.with_facts(given, worlds.node_named(given, 2), gone)


def destroy() -> PlanningInput:
    return worlds.wanting(three(), None)


def plain_hosts(*names: str) -> ClusterSpec:
    hosts = tuple(
        SshHost(
            name=name,
            host=f"198.18.5.{10 + n}",
            private_ip=f"198.18.5.{10 + n}",
            host_key="ssh-ed25519 AAAA",
        )
        for n, name in enumerate(names)
    )
    return worlds.cluster(len(hosts), provider=SshProvider(), hosts=hosts, entry=NoEntry())


def host_left_the_file() -> PlanningInput:
    return worlds.wanting(settled(plain_hosts("one", "two", "three")), plain_hosts("one", "two"))


def destroy_hosts() -> PlanningInput:
    return worlds.wanting(settled(plain_hosts("one", "two")), None)


def destroy_host_silent() -> PlanningInput:
    return worlds.silent(destroy_hosts(), "two")


CASES: dict[str, Callable[[], PlanningInput]] = {
    made.__name__.replace("_", "-"): made
    for made in (
        first_deploy,
        second_pass_of_first_deploy,
        nothing_to_do,
        entrance_edited,
        entrance_edited_and_nobody_to_take_over,
        scale_up,
        scale_down,
        image_change,
        file_change,
        pre_deploy,
        secret_change,
        new_and_removed_service,
        tampered_and_pending,
        container_gone,
        firewall_gone,
        left_drained,
        restart,
        node_drained,
        holder_last_in_two_lanes,
        node_silent,
        node_off,
        node_gone,
        orphan_machine,
        begun_and_not_wanted,
        each_serves_what_the_other_lacks,
        two_masters,
        address_left_behind,
        one_node,
        entry_api,
        entry_api_first,
        entry_api_without_token,
        entry_api_image_change,
        entry_api_split,
        entry_api_unclaimed,
        entry_api_given_up,
        dns,
        tls_first,
        tls_scale_up,
        tls_expires,
        tls_new_domain,
        tls_edited,
        destroy,
        host_left_the_file,
        destroy_hosts,
        destroy_host_silent,
    )
}


def plan_page(plan: Plan) -> str:
    """The screen without its guess of the time, then every step with what it waits for."""
    screen = re.sub(
        r"(\n        | · )?at most [0-9]+ [a-z]+", "", plan_text(plan, width=100, now=1_700_000_000.0)
    )
    lines = [screen, ""]
    for title, steps in (("Steps", plan.steps), ("Later", plan.later)):
        if steps:
            lines += [title, *(_step(step) for step in steps), ""]
    return "\n".join(line.rstrip() for line in lines)


def _step(step: Step) -> str:
    parts = [step.id, step.action.sentence(), step.why]
    if step.disturbs:
        parts.append(f"disturbs {', '.join(step.disturbs)} until {step.settles or 'it ends'}")
    if step.irreversible:
        parts.append("irreversible")
    if step.after:
        parts.append(f"after {', '.join(step.after)}")
    return "  " + " · ".join(parts)


def inputs_of(name: str) -> bytes:
    return (HERE / name / "inputs.json").read_bytes()


def write() -> None:
    for name, made in CASES.items():
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        given = made()
        raw = msgspec.json.format(msgspec.json.encode(given, order="deterministic"))
        (folder / "inputs.json").write_bytes(raw + b"\n")
        (folder / "plan.txt").write_text(plan_page(make_plan(given)))


if __name__ == "__main__":
    write()
