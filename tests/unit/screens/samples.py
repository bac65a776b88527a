"""Plans as the planner makes them, built by hand for the screens: one for each thing that people meet."""

from __future__ import annotations

import msgspec

from dynia.interfaces.node_requests import LASTING_S
from dynia.services.actions import (
    ActivateComponent,
    AnyAction,
    BootstrapNode,
    DeleteNode,
    DrainNode,
    ProvisionNode,
    PushComponent,
    WaitHealthy,
)
from dynia.services.planning.plan import (
    Content,
    Destroyed,
    Drift,
    Effect,
    FileDiff,
    Line,
    Loss,
    Plan,
    Serving,
    Step,
    Waiting,
)

NOW = 1_700_000_000.0
THREE = ("misty-owl", "swift-fox", "brave-panda")
RELEASE = "0123456789ab"


def push(node: str, component: str) -> Step:
    return Step(
        id=f"{node}/{component}/push",
        action=PushComponent(node=node, component=component, release=RELEASE, gated=True),
        why="image api:1.8 → 1.9",
        node=node,
        disturbs=("api",),
        settles=f"{node}/{component}/gate",
    )


def gate(node: str, component: str, service: str) -> Step:
    action = WaitHealthy(
        node=node, service=service, component=component, release=RELEASE, project="api", containers={}
    )
    return Step(
        id=f"{node}/{component}/gate",
        action=action,
        why="image api:1.8 → 1.9",
        after=(f"{node}/{component}/push",),
        node=node,
        deadline_s=75.0,
    )


def one_by_one(nodes: tuple[str, ...]) -> tuple[Step, ...]:
    """A rolling change: each node waits for the gate of the one before."""
    steps: list[Step] = []
    for node in nodes:
        first = push(node, "service/api")
        if steps:
            first = Step(
                id=first.id,
                action=first.action,
                why=first.why,
                after=(steps[-1].id,),
                node=node,
                disturbs=first.disturbs,
                settles=first.settles,
            )
        steps += [first, gate(node, "service/api", "api")]
    return tuple(steps)


def plan(**fields: object) -> Plan:
    base: dict[str, object] = {
        "cluster": "prod",
        "lineage": "3b0c8d1e",
        "serial": 812,
        "generation": 41,
        "provider": "docker",
        "node_count": 3,
        "reserved_ip": "198.18.0.100",
        "holder": "brave-panda",
    }
    return Plan(**{**base, **fields})  # type: ignore[arg-type]


IMAGE = Line(
    sign="~",
    subject="service api",
    nodes=THREE,
    everywhere=True,
    details=(
        (
            "image web",
            "registry.example.com/acme/api:1.8@sha256:11aa22bb33cc44dd → "
            "registry.example.com/acme/api:1.9@sha256:ab01cd23ef456789",
        ),
        ("file", "config/app.toml, 2 lines"),
    ),
    why="the image tag moved",
)

EDITED = Drift(
    node="misty-owl",
    kind="file",
    subject="/opt/dynia/haproxy/haproxy.cfg",
    category="tampered",
    detail="edited by hand",
    since=int(NOW) - 2 * 86400,
    remedy="will be put back",
)
STRAY = Drift(
    node="swift-fox",
    kind="file",
    subject="/opt/dynia/caddy/old.conf.bak",
    category="orphan",
    detail="not ours to have there",
    since=int(NOW) - 3 * 3600,
    remedy="will be removed",
)
STOPPED = Drift(
    node="brave-panda",
    kind="unit",
    subject="keepalived.service",
    category="tampered",
    detail="stopped and disabled",
    remedy="will be started and enabled",
)

ROLLING = Effect(serving=(Serving(service="api", least=2, wanted=3, now=3),), at_once=1)


def _new_node(name: str, ordinal: int) -> Step:
    made = ProvisionNode(step=f"{name}/create", name=name, ordinal=ordinal, priority=100 - ordinal)
    return Step(id=f"{name}/create", action=made, why="nodes 0 → 3", node=name, deadline_s=300.0)


def _boot(name: str) -> Step:
    return Step(
        id=f"{name}/bootstrap",
        action=BootstrapNode(node=name, packages=("haproxy",), missing=("haproxy", "keepalived")),
        why="the node is new",
        node=name,
        deadline_s=600.0,
    )


FIRST = plan(
    generation=0,
    serial=0,
    holder="",
    reserved_ip="",
    steps=tuple(_new_node(name, n) for n, name in enumerate(THREE, start=1)),
    later=(*(_boot(name) for name in THREE), *one_by_one(THREE)),
    joining=THREE,
    changes=(
        *(Line(sign="+", subject=f"node {name}", nodes=(name,), why="nodes 0 → 3") for name in THREE),
        Line(sign="+", subject="reserved IP (known after apply)", why="entry is vip"),
        Line(sign="+", subject="haproxy", nodes=THREE, everywhere=True),
        Line(sign="+", subject="caddy", nodes=THREE, everywhere=True),
        Line(sign="+", subject="keepalived", nodes=THREE, everywhere=True),
        Line(
            sign="+",
            subject="service api",
            nodes=THREE,
            everywhere=True,
            details=(
                ("image", "registry.example.com/acme/api:1.9@sha256:ab01cd23ef456789"),
                ("domain", "api.example.com"),
            ),
        ),
    ),
    effect=Effect(serving=(Serving(service="api", least=0, wanted=3, now=0),)),
)

NOTHING = plan()
NOTHING_SILENT = plan(not_observed=(("swift-fox", "connection refused"),))
NOTHING_MANY_SILENT = plan(
    node_count=50, not_observed=tuple((f"node-{n:02}", "no answer within 25 s") for n in range(12))
)

DRAINED = plan(away=("swift-fox",))
DRAINING = plan(
    steps=(
        Step(
            id="swift-fox/drain",
            action=DrainNode(
                node="swift-fox",
                services=("api",),
                watch=THREE,
                least={"api": 2},
                timeout_s=30.0,
                lasts_s=float(LASTING_S),
            ),
            why="because somebody asked for it",
            node="swift-fox",
            disturbs=("api",),
            deadline_s=105.0,
        ),
    ),
    changes=(
        Line(
            sign="~",
            subject="drain of node swift-fox",
            nodes=("swift-fox",),
            why="because somebody asked for it",
            files=True,
        ),
    ),
    effect=ROLLING,
)

IMAGE_CHANGE = plan(
    content=(Content(of="service api", path="config/app.toml", digest="sha256:" + "7" * 64),),
    images=(("ghcr.io/acme/api:1.9", "ghcr.io/acme/api@sha256:" + "9" * 64),),
    steps=one_by_one(THREE),
    order=THREE,
    changes=(IMAGE,),
    effect=ROLLING,
    diffs=(
        FileDiff(
            path="/opt/dynia/services/api/config/app.toml",
            nodes=THREE,
            before='[log]\nlevel = "debug"\n\n[web]\nport = 8080\nlimit = 10\n',
            after='[log]\nlevel = "info"\n\n[web]\nport = 8080\nlimit = 10\n' + f'banner = "{"x" * 120}"\n',
        ),
    ),
)


def _mend(node: str, component: str, action: AnyAction | None = None) -> Step:
    return Step(
        id=f"{node}/{component}/push",
        action=action or PushComponent(node=node, component=component, release=RELEASE),
        why="drift",
        node=node,
    )


DRIFT_ONLY = plan(
    steps=(
        _mend("misty-owl", "haproxy"),
        _mend("swift-fox", "caddy"),
        _mend(
            "brave-panda",
            "keepalived",
            ActivateComponent(node="brave-panda", component="keepalived", release=RELEASE),
        ),
    ),
    order=THREE,
    drift=(EDITED, STRAY, STOPPED),
    effect=Effect(serving=(Serving(service="api", least=3, wanted=3, now=3),), moves=1),
)

DRIFT_AND_PENDING = plan(
    steps=(_mend("misty-owl", "haproxy"), *one_by_one(THREE)),
    order=THREE,
    drift=(EDITED, STRAY),
    changes=(
        IMAGE,
        Line(
            sign="~",
            subject="Caddyfile",
            nodes=THREE,
            everywhere=True,
            why="route api.example.com → v2.example.com",
        ),
        Line(sign="+", subject="dns A v2.example.com → 198.18.0.100", why="domain v2.example.com is new"),
    ),
    effect=ROLLING,
)

SPLIT = plan(
    drift=(
        Drift(
            node="",
            kind="reserved_ip",
            subject="198.18.0.100",
            category="split",
            detail="misty-owl and swift-fox both are MASTER",
            remedy="look at the link between them",
        ),
    ),
)

SCALE = plan(
    node_count=4,
    steps=(
        _new_node("quick-lynx", 4),
        Step(
            id="calm-heron/delete",
            action=DeleteNode(name="calm-heron", provider_id="c-5"),
            why="nodes 5 → 4",
            node="calm-heron",
            irreversible=True,
        ),
        *one_by_one(THREE),
    ),
    later=(_boot("quick-lynx"),),
    order=THREE,
    joining=("quick-lynx",),
    changes=(
        Line(sign="+", subject="node quick-lynx", nodes=("quick-lynx",), why="nodes 3 → 4"),
        Line(
            sign="-",
            subject="node calm-heron",
            nodes=("calm-heron",),
            details=(("volumes", "of service api: what is on this node alone is lost"),),
            why="it is the highest that does not hold the reserved IP",
        ),
        Line(
            sign="~",
            subject="haproxy.cfg",
            nodes=THREE,
            details=(("backend", "+ (known after apply)"),),
            why="node quick-lynx joins",
        ),
    ),
    effect=Effect(
        serving=(Serving(service="api", least=2, wanted=4, now=3),), at_once=1, irreversible=1, about_s=190.0
    ),
)

MASS = plan(
    node_count=3,
    steps=SCALE.steps,
    changes=(
        *(
            Line(sign="-", subject=f"node {name}", nodes=(name,), why="because nodes 6 → 3")
            for name in ("calm-heron", "keen-lemur", "polar-falcon")
        ),
        *(
            Line(sign="-", subject=f"service {name}", nodes=THREE, everywhere=True, why="the file has none")
            for name in ("mailer", "site")
        ),
    ),
    effect=Effect(
        serving=(Serving(service="api", least=3, wanted=3, now=6),),
        irreversible=3,
        destroyed=(
            Destroyed(kind="node", gone=3, there=6),
            Destroyed(kind="service", gone=2, there=4, data=True),
        ),
        about_s=190.0,
    ),
)

PROTECTED = msgspec.structs.replace(
    SCALE,
    protect="clusters.yaml:9:14",
    losses=(
        Loss(subject="node calm-heron", how="would be deleted, because nodes 5 → 4"),
        Loss(subject="service db", how="would be removed with its volumes, on misty-owl, swift-fox"),
        Loss(subject="reserved IP 203.0.113.9", how="would be given back"),
    ),
)

PARTIAL = msgspec.structs.replace(
    IMAGE_CHANGE,
    targets=("service/api",),
    waiting=(Waiting(subject="service site", reason="left out, on misty-owl, swift-fox", final=True),),
)

DESTROY = plan(
    steps=tuple(
        Step(
            id=f"{name}/delete",
            action=DeleteNode(name=name, provider_id=name),
            why="the cluster is destroyed",
            node=name,
            irreversible=True,
        )
        for name in THREE
    ),
    order=THREE,
    changes=(
        *(Line(sign="-", subject=f"node {name}", nodes=(name,)) for name in THREE),
        Line(sign="-", subject="reserved IP 198.18.0.100"),
    ),
    effect=Effect(serving=(Serving(service="api", least=0, wanted=0, now=3),), irreversible=4),
)

FIFTY_NAMES = tuple(f"node-{number:02}" for number in range(1, 51))
LONG = "a-very-long-node-name-that-nobody-would-type-but-somebody-will-have-one-day-01"
FIFTY = plan(
    node_count=50,
    holder="node-50",
    steps=one_by_one(FIFTY_NAMES),
    order=FIFTY_NAMES,
    changes=(
        Line(sign="~", subject="service api", nodes=FIFTY_NAMES, everywhere=True, why="env LOG_LEVEL"),
        Line(sign="~", subject="haproxy.cfg", nodes=FIFTY_NAMES[:48], why="a template changed"),
        Line(sign="~", subject="Caddyfile", nodes=FIFTY_NAMES[3:20], why="they had no answer last time"),
        Line(sign="~", subject="node.env", nodes=("node-07",), why="its private address changed"),
    ),
    drift=(
        *(
            Drift(
                node=name,
                kind="file",
                subject="/opt/dynia/haproxy/haproxy.cfg",
                category="tampered",
                detail="mode 644 → 600",
                since=int(NOW) - 600 - number,
                remedy="will be put back",
            )
            for number, name in enumerate(FIFTY_NAMES)
        ),
        Drift(
            node="node-13",
            kind="container",
            subject="api-web-1",
            category="tampered",
            detail="gone",
            remedy="will be made again",
        ),
    ),
    not_observed=tuple((name, "no answer within 25 s") for name in FIFTY_NAMES[-2:]),
    effect=Effect(serving=(Serving(service="api", least=44, wanted=50, now=48),), at_once=4, about_s=1500.0),
)

FAILURES = plan(
    steps=one_by_one(("misty-owl",)),
    order=("misty-owl",),
    changes=(IMAGE,),
    waiting=(
        Waiting(
            subject="swift-fox",
            reason="not observed (connection refused): it gets the change when it answers",
        ),
        Waiting(
            subject="image ghcr.io/acme/mailer:3", reason="no registry has it, nor this machine's Docker"
        ),
        Waiting(subject=LONG, reason="off at its provider and could not be started: quota exceeded"),
    ),
    not_observed=(
        ("swift-fox", "connection refused"),
        ("brave-panda", "\x1b[31mhost key changed\x1b[0m\x07: it is SHA256:abc, pinned is SHA256:def"),
    ),
    effect=ROLLING,
)

PAUSED = plan(
    changes=(msgspec.structs.replace(IMAGE, nodes=("swift-fox", "brave-panda"), everywhere=False),),
    waiting=(
        Waiting(
            subject="service api",
            reason="release ab01cd23ef456789 waits after its canary misty-owl: look at it, then "
            "`dynia apply --resume` brings it to brave-panda and swift-fox",
            paused=True,
        ),
    ),
)

RESUMED = plan(
    steps=one_by_one(("swift-fox", "brave-panda")),
    order=("swift-fox", "brave-panda"),
    changes=PAUSED.changes,
    resumes=(("api", "ab01cd23ef456789"),),
    effect=ROLLING,
)

ONE_NODE = plan(
    node_count=1,
    holder="misty-owl",
    steps=one_by_one(("misty-owl",)),
    order=("misty-owl",),
    changes=(
        Line(
            sign="~", subject="service api", nodes=("misty-owl",), everywhere=True, why="image api:1.8 → 1.9"
        ),
    ),
    effect=Effect(
        serving=(Serving(service="api", least=0, wanted=1, now=1),),
        at_once=1,
        interrupts=("api",),
        about_s=24.0,
    ),
)

TWO_NODES = plan(
    node_count=2,
    holder="swift-fox",
    steps=one_by_one(("misty-owl", "swift-fox")),
    order=("misty-owl", "swift-fox"),
    changes=(
        Line(
            sign="~",
            subject="service api",
            nodes=("misty-owl", "swift-fox"),
            everywhere=True,
            why="image api:1.8 → 1.9",
        ),
    ),
    effect=Effect(serving=(Serving(service="api", least=1, wanted=2, now=2),), at_once=1, about_s=48.0),
)

LONG_NAMES = plan(
    cluster="production-europe-west-customer-facing-cluster-number-one",
    holder=LONG,
    steps=one_by_one((LONG,)),
    order=(LONG, "b"),
    changes=(
        Line(sign="~", subject=f"service {'x' * 90}", nodes=(LONG, "b"), why="w" * 200),
        Line(sign="+", subject=f"node {LONG}", nodes=(LONG,), why="nodes 1 → 2"),
    ),
    drift=(Drift(node=LONG, kind="file", subject="/etc/" + "p" * 150, category="tampered", detail="edited"),),
    not_observed=((LONG, "connection refused"),),
    effect=ROLLING,
)

PLANS: dict[str, Plan] = {
    "first-deploy": FIRST,
    "nothing-to-do": NOTHING,
    "nothing-to-do-one-silent": NOTHING_SILENT,
    "nothing-to-do-many-silent": NOTHING_MANY_SILENT,
    "node-drained": DRAINED,
    "node-drain": DRAINING,
    "image-change": IMAGE_CHANGE,
    "drift-only": DRIFT_ONLY,
    "drift-and-pending": DRIFT_AND_PENDING,
    "split": SPLIT,
    "scale": SCALE,
    "mass": MASS,
    "protected": PROTECTED,
    "partial": PARTIAL,
    "destroy": DESTROY,
    "fifty-nodes": FIFTY,
    "failures": FAILURES,
    "paused": PAUSED,
    "resumed": RESUMED,
    "one-node": ONE_NODE,
    "two-nodes": TWO_NODES,
    "long-names": LONG_NAMES,
}
