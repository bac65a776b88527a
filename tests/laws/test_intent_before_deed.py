"""Law 3, kind of action by kind of action: its begin is durable before its deed, and whatever takes away, moves or
makes may be done once more on its own result.

Judged at the vendor's and the node's side: at the instant of a call that changes something, the disk as it would be
after a power cut must tell of it. That the vendors themselves take the same call twice: tests/contract.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing
from collections.abc import Callable

import msgspec
import pytest

from dynia.interfaces.desired import (
    ApiEntry,
    ClusterSpec,
    EnvSource,
    NoEntry,
    PreDeploy,
    Rfc2136Dns,
    Rollout,
    SelfSignedTls,
)
from dynia.interfaces.errors import Stale
from dynia.interfaces.node_requests import WHOLE_NODE
from dynia.interfaces.shape import Shape
from dynia.services.actions import AnyAction, HandOver, ProvisionNode
from dynia.services.actions.base import Action
from dynia.services.planning.by_hand import ByHand, NodeDrain, Promote, Reboot, Restart
from dynia.services.planning.components.failover import TOKEN
from dynia.services.reconcile import Reconciler
from dynia.services.tools import PassTools
from dynia.state.lease import TERM_S, boottime
from dynia.state.model import DropComponent, Intent, PutIntent
from dynia.state.record import Envelope, Record
from dynia.state.store import open_store
from tests.fakes.cloud import HOME, Cloud, Doors, Engine, applied, fresh_disk
from tests.fakes.disk import FakeDisk, worst
from tests.fakes.time_that_jumps import run
from tests.plans import worlds

replace = msgspec.structs.replace
JOURNAL = HOME / ".dynia" / "journal" / "prod"
ZONE = Rfc2136Dns(zone="example.com", server="ns.example.com", key="dynia", secret=EnvSource(env="DNS_KEY"))
TWO = worlds.cluster(2, (worlds.service(config="level = 1\n"), worlds.service("web")))
API = replace(TWO, entry=ApiEntry())
World = tuple[Cloud, FakeDisk, ClusterSpec]
Clock = Callable[[], float]


class Row(Shape):
    """`world` is one whose apply has a step of the kind. `calls` are what the kind asks of vendors and nodes that
    changes something there; `made`: what a call makes would be orphaned, so the state itself has an intent.
    `by_hand`: no file asks for it."""

    world: Callable[[], World]
    calls: tuple[str, ...] = ()
    made: bool = False
    by_hand: ByHand | None = None


def nothing_yet() -> World:
    return Cloud(), fresh_disk(), TWO


def nobody_claims() -> World:
    return Cloud(), fresh_disk(), API


def off() -> World:
    cloud, disk = applied(TWO)
    cloud.power(2, "off")
    return cloud, disk, TWO


def gone() -> World:
    cloud, disk = applied(TWO)
    cloud.power(2, None)
    return cloud, disk, TWO


def fewer() -> World:
    return *applied(worlds.cluster(3)), worlds.cluster(2)


def begun_and_not_wanted() -> World:
    cloud, disk = applied(TWO)
    store = open_store(HOME, disk=disk)
    intent = Intent(cluster="prod", step="never-newt/create", kind="node", ordinal=10, name="never-newt")
    begun = ProvisionNode(step=intent.step, name=intent.name, ordinal=10, priority=90)
    with store.lock("prod", "a killed run"):
        store.begin("prod", intent.step, msgspec.json.encode(begun), (PutIntent(intent=intent),))
    return cloud, disk, TWO


def entry_given_up() -> World:
    return *applied(API), replace(API, entry=NoEntry())


def secured() -> World:
    return *applied(TWO), replace(TWO, tls=SelfSignedTls())


def another_release() -> World:
    changed = worlds.cluster(2, (worlds.service(config="level = 2\n"), worlds.service("web")))
    return *applied(TWO), changed


def with_pre_deploy() -> World:
    cloud, disk, spec = another_release()
    once = PreDeploy(container="web", command=("./manage.py", "migrate"))
    first = replace(spec.services[0], pre_deploy=once)
    return cloud, disk, replace(spec, services=(first, *spec.services[1:]))


def as_it_is() -> World:
    return *applied(TWO), TWO


def drained_by_hand() -> World:
    cloud, disk = applied(TWO)
    cloud.nodes[2] = replace(cloud.nodes[2], drained=(WHOLE_NODE,))
    return cloud, disk, TWO


def watched() -> World:
    return Cloud(), fresh_disk(), replace(TWO, rollout=Rollout(monitor=5.0))


def container_gone() -> World:
    cloud, disk = applied(TWO)
    left = tuple(c for c in cloud.nodes[2].containers if c.project != "dynia-api")
    cloud.touch(2, replace(cloud.nodes[2], containers=left))
    return cloud, disk, TWO


def live_and_not_recorded() -> World:
    cloud, disk = applied(TWO)
    store = open_store(HOME, disk=disk)
    with store.lock("prod", "a person"):
        for node in store.state.nodes_of("prod"):
            lost = DropComponent(cluster="prod", node=node.name, component="haproxy")
            store.write("prod", (lost,), "it was lost")
    return cloud, disk, TWO


def service_left() -> World:
    return *applied(TWO), replace(TWO, services=TWO.services[:1])


def without_manifest() -> World:
    cloud, disk = applied(TWO)
    path = "/var/lib/dynia/manifest.json"
    files = tuple(f for f in cloud.nodes[2].files if f.path != path)
    cloud.touch(2, replace(cloud.nodes[2], files=files, manifest=""))
    return cloud, disk, TWO


def named() -> World:
    return *applied(TWO), replace(TWO, dns=ZONE)


def one_name_less() -> World:
    return *applied(replace(TWO, dns=ZONE)), replace(TWO, dns=ZONE, services=TWO.services[:1])


def second() -> str:
    """The name of the second node of such a cluster."""
    return applied(TWO)[0].machines[2].name


ROWS: dict[str, Row] = {
    "provision_node": Row(world=nothing_yet, calls=("create",), made=True),
    "start_node": Row(world=off, calls=("start",)),
    "delete_node": Row(world=fewer, calls=("delete",)),
    "forget_node": Row(world=gone, calls=("delete",)),
    "forget_intent": Row(world=begun_and_not_wanted),
    "allocate_reserved_ip": Row(world=nothing_yet, calls=("allocate",), made=True),
    "attach_reserved_ip": Row(world=nobody_claims, calls=("attach",)),
    "detach_reserved_ip": Row(world=entry_given_up, calls=("detach",)),
    "release_reserved_ip": Row(world=entry_given_up, calls=("release",)),
    "bootstrap_node": Row(world=nothing_yet, calls=("bootstrap",)),
    "obtain_certificate": Row(world=secured, calls=("asked", "swapped")),
    "provide_image": Row(world=nothing_yet, calls=("image",)),
    "pre_deploy": Row(world=with_pre_deploy, calls=("pre-deployed",)),
    "push_component": Row(world=nothing_yet, calls=("swapped",)),
    "activate_component": Row(world=container_gone, calls=("swapped",)),
    "restart_component": Row(world=as_it_is, calls=("swapped",), by_hand=Restart(service="api")),
    "record_component": Row(world=live_and_not_recorded),
    "remove_component": Row(world=service_left, calls=("remove",)),
    "wait_healthy": Row(world=nothing_yet),
    "watch_healthy": Row(world=watched),
    "drain": Row(world=another_release, calls=("drain",)),
    "undrain": Row(world=another_release, calls=("undrain",)),
    "drain_node": Row(world=as_it_is, calls=("drain",), by_hand=NodeDrain(node=second())),
    "undrain_node": Row(
        world=drained_by_hand, calls=("undrain",), by_hand=NodeDrain(node=second(), back=True)
    ),
    "hand_over": Row(world=as_it_is, calls=("stop", "start"), by_hand=Promote(node=second())),
    "reboot_node": Row(
        world=as_it_is, calls=("update", "reboot"), by_hand=Reboot(node=second(), os_updates=True)
    ),
    "write_manifest": Row(world=without_manifest, calls=("swapped manifest",)),
    "bind_dns": Row(world=named, calls=("bind", "change")),
    "unbind_dns": Row(world=one_name_less, calls=("unbind",)),
}
# Besides these any other kind of row may be refused as stale: the world is no longer what its plan saw.
TAKE_AWAY_OR_MOVE = {
    "delete_node", "forget_node", "forget_intent", "detach_reserved_ip", "release_reserved_ip",
    "remove_component", "unbind_dns", "attach_reserved_ip", "start_node",
}  # fmt: skip
MAKE = {"provision_node", "allocate_reserved_ip", "bind_dns", "bootstrap_node", "provide_image"}
CHANGING = {call for row in ROWS.values() for call in row.calls}


def kinds() -> set[str]:
    return {str(action.__struct_config__.tag) for action in typing.get_args(AnyAction)}


def test_every_action_has_a_row() -> None:
    """Whoever adds an action says here in which world it is met and what it asks for."""
    assert set(ROWS) == kinds()
    for action in typing.get_args(AnyAction):
        tag = str(action.__struct_config__.tag)
        assert (action.intents is not Action.intents) == ROWS[tag].made, tag


def call_of(what: str) -> tuple[str, str]:
    """What a tick of the cloud's is: the call that changes something there ("" where it is none), and whom it is
    about, where that is a node."""
    words = what.split()
    if what == "certificate asked for":
        return "asked", ""
    if words[0] in CHANGING:
        return words[0], ""
    verb = " ".join(words[1:]) if words[-1] == "manifest" else words[1] if len(words) > 1 else ""
    if verb == "swapped manifest" or (verb == "swapped" and len(words) == 3) or len(words) == 2:
        return (verb, words[0]) if verb in CHANGING else ("", "")
    return "", ""


def records(disk: FakeDisk) -> list[Record]:
    found = disk.files(JOURNAL).items()
    raw = [msgspec.json.decode(data, type=Envelope).record for name, data in sorted(found) if ".json" in name]
    return [msgspec.json.decode(one, type=Record) for one in raw]


def open_in(disk: FakeDisk) -> dict[str, AnyAction]:
    """The steps that the last run has begun and not ended, by its journal. A run may take its lease anew."""
    found: dict[str, AnyAction] = {}
    run_id = ""
    for record in records(disk):
        if record.run != run_id:
            found, run_id = {}, record.run
        if record.kind == "begin":
            found[record.step] = msgspec.json.decode(record.action, type=AnyAction)
        elif record.kind in ("end", "fail"):
            found.pop(record.step, None)
    return found


class Judge:
    """Stands at every door of the world and reads the disk as it would be had the power failed just now."""

    def __init__(self, cloud: Cloud, disk: FakeDisk, kind: str) -> None:
        self.disk, self.kind, self.row = disk, kind, ROWS[kind]
        self.actions: dict[str, AnyAction] = {}
        self.judged: list[str] = []
        cloud.tick, disk.before = self.hear, self.see

    def see(self, step: int, what: str) -> None:
        if what == f"sync folder {JOURNAL}":
            begun = open_in(self.disk)
            self.actions |= {one: action for one, action in begun.items() if tag_of(action) == self.kind}

    def hear(self, what: str) -> None:
        durable = worst(self.disk)
        open_steps = open_in(durable)
        call, node = call_of(what)
        if not call or (call == "swapped manifest" and self.kind != "write_manifest"):
            # At its end an apply gives every node what it knows: no step, and healed by the next one.
            return
        asking = {
            step: action
            for step, action in open_steps.items()
            if call in ROWS[tag_of(action)].calls and node in ("", *concerned(action))
        }
        assert asking, f"{what!r} was asked for, and the disk knows of {sorted(open_steps)} only"
        if any(tag_of(action) == self.kind for action in asking.values()):
            self.judged.append(call)
        if all(ROWS[tag_of(action)].made for action in asking.values()):
            intents = {one.step for one in open_store(HOME, disk=durable, make=False).state.intents}
            assert intents >= set(asking), f"{what!r} was asked for without an intent in the state"


def concerned(action: object) -> tuple[str, ...]:
    """The nodes that a deed asks."""
    if isinstance(action, HandOver):
        return (action.node, action.source, *action.others)
    return (getattr(action, "node", ""),)


def tag_of(action: object) -> str:
    return str(type(action).__struct_config__.tag)  # type: ignore[attr-defined]


def engine(kind: str, cloud: Cloud, disk: FakeDisk, spec: ClusterSpec, boot: Clock = boottime) -> Engine:
    made = Engine(cloud, disk, spec, boot=boot)
    if kind == "attach_reserved_ip":
        # Without its token no node can claim the address.
        here = {p: content for p, content in made.run.session.secrets.items() if p != TOKEN}
        made.run = Reconciler(dataclasses.replace(made.run.session, secrets=here))
    return made


def lived_through(kind: str, boot: Clock = boottime) -> tuple[Cloud, FakeDisk, ClusterSpec, Judge]:
    """One apply that has steps of this kind, with the judge at its side."""
    cloud, disk, spec = ROWS[kind].world()
    judge = Judge(cloud, disk, kind)
    done = engine(kind, cloud, disk, spec, boot).apply(ROWS[kind].by_hand)
    assert (done.exit_code, done.failures) == (0, ())
    cloud.tick, disk.before = (lambda what: None), (lambda step, what: None)
    return cloud, disk, spec, judge


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_at_every_call_that_changes_something_its_step_stands_on_the_disk(kind: str) -> None:
    _, _, _, judge = lived_through(kind)
    if ROWS[kind].calls:
        assert judge.judged, f"no step of the kind {kind} asked for anything"


def test_so_it_does_where_the_run_is_so_slow_that_it_takes_its_lease_anew_in_between() -> None:
    """Under load half a term passes between two records; what this run has begun it goes on with."""
    slow = itertools.count(0.0, TERM_S)
    _, disk, _, judge = lived_through("allocate_reserved_ip", lambda: next(slow))
    assert judge.judged == ["allocate"]
    assert records(disk)[-1].fencing > 10, "it had to"


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_a_deed_on_its_own_result_changes_nothing(kind: str) -> None:
    """And what takes away, moves or makes says that all is well: the answer to the first one may have been lost."""
    cloud, disk, spec, judge = lived_through(kind)
    actions = [*judge.actions.values()]
    assert actions, f"no step of the kind {kind} was begun"
    before, owner, made = truth(kind, cloud), cloud.owner, dict(cloud.made)
    again = engine(kind, cloud, disk, spec)

    async def repeat(action: AnyAction) -> None:
        again.run.by_hand = ROWS[kind].by_hand
        await again.run.plan()
        session = again.run.session
        doors = session.vendors
        assert isinstance(doors, Doors)
        with again.store.lock("prod", "who repeats"):
            tools = PassTools(
                cluster="prod",
                lineage=again.store.state.lineage,
                machines=doors,
                names=doors,
                authorized_key="ssh-ed25519 AAAA",
                session=session,
                connections=again.run.connections,
                recipes=again.run.recipes,
            )
            await action.run(tools)

    for action in actions:
        try:
            run(repeat(action))
        except Stale:
            assert kind not in TAKE_AWAY_OR_MOVE | MAKE, action
        if kind == "drain":
            # Its result is gone by then: the step after it takes the flag away, or time does.
            assert any(facts.drained for facts in cloud.nodes.values())
            cloud.nodes = {n: replace(facts, drained=()) for n, facts in cloud.nodes.items()}
        assert (truth(kind, cloud), cloud.owner, dict(cloud.made)) == (before, owner, made), action


def truth(kind: str, cloud: Cloud) -> object:
    """A restart that is done once more makes other containers, of the same content."""
    if kind == "restart_component":
        cloud = cloud.copied()
        for n, facts in cloud.nodes.items():
            alike = tuple(replace(c, id=c.name) for c in facts.containers)
            cloud.nodes[n] = replace(facts, containers=alike)
    return cloud.truth()
