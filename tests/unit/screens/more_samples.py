"""Everything but plans that people meet on a screen: errors, runs, results, a status, lists."""

from __future__ import annotations

import dataclasses

import msgspec

from dynia.commands.screens.lists import ServiceRow
from dynia.commands.screens.rehearsal import RehearsalReport
from dynia.commands.screens.saved import SavedView
from dynia.commands.screens.state import StateCluster, StateView
from dynia.commands.screens.status_view import CellView, EntryView, NodeView, RowView, ServiceView, StatusView
from dynia.interfaces.errors import ApplyFailed, BadInput, DyniaError, Locked, Mistake, Stale
from dynia.interfaces.events import (
    Event,
    NodeWaiting,
    Note,
    PassStarted,
    PlannedStep,
    RunEnded,
    RunStarted,
    StepEnded,
    StepFailed,
    StepNotRun,
    StepProgress,
    StepStarted,
)
from dynia.interfaces.files.rewrite import FileEdit
from dynia.interfaces.node_requests import ServiceAnswer
from dynia.interfaces.observed import CertificateSeen, ProviderNode
from dynia.services.apply_result import ApplyResult, Back, Failure
from dynia.services.drill_report import DrillReport, Stretch
from dynia.services.planning.digest import sealed
from dynia.services.planning.matrix import Cell, unserved
from dynia.services.planning.plan import Waiting
from dynia.services.planning.stale import listed
from dynia.services.rebuild import Found
from dynia.services.rehearsal import Act
from dynia.services.rehearsed import Replaced
from dynia.services.saved_plan import SavedPlan
from dynia.state.hold import Hold, KeptOut
from dynia.state.manifest import Sealer, read_manifest
from dynia.state.model import Cluster, Node, State
from dynia.state.rebuilt import Heard, rebuild
from tests.unit.screens.samples import (
    FAILURES,
    IMAGE_CHANGE,
    LONG,
    NOTHING,
    NOTHING_SILENT,
    NOW,
    PARTIAL,
    PAUSED,
    THREE,
    gate,
)

PROD = "clusters.yaml"

_SAVED = SavedPlan(
    by="ci@runner-7 (https://ci.example.com/job/4711)",
    at=int(NOW),
    commit="9d2e11a0c4b1",
    tool="2.0.0",
    plan=sealed(IMAGE_CHANGE),
)
STALE = (
    "another apply ran since (serial 812 → 844, generation 41 → 42)",
    "service api: config/app.toml was edited",
    "misty-owl: /opt/dynia/haproxy/haproxy.cfg was edited",
    "brave-panda does not answer now (no answer within 25 s (frozen?))",
    "the reserved IP moved: brave-panda had it, swift-fox has it now",
    "image ghcr.io/acme/api:1.9 means sha256:cd23ef456789 now, not sha256:ab01cd23ef45",
    "3 steps are other ones than reviewed: misty-owl/caddy/push, swift-fox/caddy/push, brave-panda/caddy/push",
)

SAVED: dict[str, SavedView] = {
    "as-it-was": SavedView(file="prod.plan", saved=_SAVED),
    "stale": SavedView(file="prod.plan", saved=_SAVED, stale=STALE),
    "elsewhere": SavedView(
        file="prod.plan",
        saved=msgspec.structs.replace(_SAVED, commit=""),
        unknown=("no clusters.yaml in this folder or above",),
    ),
}

ERRORS: dict[str, DyniaError] = {
    "stale": Stale(
        listed("the plan of cluster prod is stale; nothing was touched:", STALE),
        hint="`dynia plan`, look at it, then apply that",
    ),
    "one-mistake": BadInput(
        (
            Mistake(
                file=PROD,
                line=9,
                column=32,
                key="clusters.prod.rollout.max_unavailable",
                message="3 of 3 nodes would leave none serving",
                text="    rollout: {max_unavailable: 3, canary: true}",
                hint="use 1 or 2, or add nodes",
            ),
        )
    ),
    "several-mistakes": BadInput(
        (
            Mistake(
                file=PROD,
                line=4,
                column=5,
                key="clusters.prod.nodez",
                message="there is no such key",
                text="    nodez: {count: 3}",
                width=5,
                hint="did you mean nodes?",
            ),
            Mistake(
                file="/home/ops/a/rather/long/path/to/the/repository/of/clusters/clusters.yaml",
                line=120,
                column=131,
                key="clusters.prod.services.api.domains[0]",
                message="api.example.com already belongs to service web, and a domain has one service",
                text="      api: {compose: ./api/compose.yaml, health: {path: /healthz, interval: 200ms}, "
                + "env: {LOG_LEVEL: info, REGION: lon1}, domains: [api.example.com]}",
                width=15,
                hint="take it out of one of the two; a request for it could otherwise go to either of them",
            ),
            Mistake(file="api/compose.yaml", line=1, column=1, key="", message="the file is empty"),
        )
    ),
    "hostile-text": BadInput(
        (
            Mistake(
                file=PROD,
                line=2,
                column=8,
                key="a",
                message="unexpected \x1b[31mred\x1b[0m \x9b2J value",
                text='\tname: "\x1b]0;title\x07x\u202ey"',
                width=3,
            ),
        )
    ),
    "locked": Locked(
        "prod is locked by ci@runner-17 (https://ci.example.com/jobs/1234567) (process 4711 on "
        "runner-17) since 2026-01-02 10:11:12Z",
        hint="wait for it to end, then run this again; the lock is free as soon as that process ends",
    ),
    "with-output": ApplyFailed(
        "swift-fox · service api · did not become healthy in 30 s (GET /healthz → 500)\n"
        '    api-1 | panic: missing column "plan"\n'
        "    api-1 | " + "goroutine 1 [running]: " * 6,
        hint="dynia logs api --node swift-fox; mend it and apply again",
    ),
}


def _start(at: float, node: str, deed: str, sentence: str, deadline_s: float = 180.0) -> StepStarted:
    return StepStarted(at=at, step=f"{node}/{deed}", node=node, sentence=sentence, deadline_s=deadline_s)


def _end(at: float, node: str, deed: str, seconds: float) -> StepEnded:
    return StepEnded(at=at, step=f"{node}/{deed}", node=node, seconds=seconds)


PUSH, GATE = "push service/api", "wait for api to be healthy"
_STEPS = tuple(
    PlannedStep(id=f"{node}/{deed}", node=node, sentence=text)
    for node in THREE
    for deed, text in (("push", PUSH), ("gate", GATE))
)

UNDER_WAY: tuple[Event, ...] = (
    RunStarted(at=NOW, cluster="prod", steps=6, nodes=(*THREE, "quick-lynx"), holder="brave-panda"),
    PassStarted(at=NOW, number=1, steps=_STEPS),
    NodeWaiting(at=NOW, node="quick-lynx", reason="not observed: connection refused"),
    _start(NOW, "misty-owl", "push", PUSH),
    StepProgress(at=NOW + 3, node="misty-owl", text="streaming image hello, 12 MB"),
    _end(NOW + 8, "misty-owl", "push", 8),
    _start(NOW + 8, "misty-owl", "gate", GATE, 75),
    _end(NOW + 18, "misty-owl", "gate", 10),
    Note(at=NOW + 18, text="found calm-heron by its tag: adopted"),
    _start(NOW + 18, "swift-fox", "push", PUSH),
    _end(NOW + 20, "swift-fox", "push", 2),
    _start(NOW + 20, "swift-fox", "gate", GATE, 75),
)

GONE_WRONG: tuple[Event, ...] = (
    *UNDER_WAY,
    StepFailed(
        at=NOW + 80,
        step="swift-fox/gate",
        node="swift-fox",
        message="swift-fox · service api · api-1 is unhealthy\n    api-1 | \x1b[31mpanic\x1b[0m: no column plan",
        seconds=60,
        hint="dynia logs api --node swift-fox; mend it and apply again",
    ),
    StepNotRun(at=NOW + 80, step="brave-panda/push", node="brave-panda", reason="swift-fox/gate failed"),
    StepNotRun(at=NOW + 80, step="brave-panda/gate", node="brave-panda", reason="swift-fox/gate failed"),
    RunEnded(at=NOW + 80, result="failed", exit_code=7, seconds=80),
)

WELL_DONE: tuple[Event, ...] = (
    *UNDER_WAY,
    _end(NOW + 30, "swift-fox", "gate", 10),
    _start(NOW + 30, "brave-panda", "push", PUSH),
    _end(NOW + 32, "brave-panda", "push", 2),
    _start(NOW + 32, "brave-panda", "gate", GATE, 75),
    _end(NOW + 40, "brave-panda", "gate", 8),
    RunEnded(at=NOW + 40, result="not_observed", exit_code=4, seconds=40),
)

_MANY = tuple(f"node-{number:02}" for number in range(1, 51))
FIFTY_AT_ONCE: tuple[Event, ...] = (
    RunStarted(at=NOW, cluster="prod", steps=50, nodes=_MANY, holder="node-50"),
    PassStarted(
        at=NOW,
        number=1,
        steps=tuple(PlannedStep(id=f"{n}/push", node=n, sentence="push haproxy") for n in _MANY),
    ),
    *(event for n in _MANY[:20] for event in (_start(NOW, n, "push", PUSH), _end(NOW + 2, n, "push", 2))),
    *(_start(NOW + 2, n, "push", PUSH) for n in _MANY[20:24]),
    StepFailed(at=NOW + 5, step="node-22/push", node="node-22", message="node-22 · haproxy · check failed"),
)

LONG_RUN: tuple[Event, ...] = (
    RunStarted(at=NOW, cluster="c" * 90, steps=1, nodes=(LONG,)),
    PassStarted(
        at=NOW, number=1, steps=(PlannedStep(id=f"{LONG}/push", node=LONG, sentence="push " + "x" * 100),)
    ),
    _start(NOW, LONG, "push", "push " + "x" * 100),
)

BACK_AGAIN: tuple[Event, ...] = (
    *GONE_WRONG[:-1],
    RunStarted(at=NOW + 81, cluster="prod", steps=2, nodes=("swift-fox", "misty-owl"), title="rollback"),
    PassStarted(at=NOW + 81, number=1, steps=_STEPS[:2]),
    _start(NOW + 81, "swift-fox", "push", PUSH),
    _end(NOW + 85, "swift-fox", "push", 4),
    RunEnded(at=NOW + 90, result="rolled_back", exit_code=8, seconds=90),
)

RUNS: dict[str, tuple[Event, ...]] = {
    "under-way": UNDER_WAY,
    "gone-wrong": GONE_WRONG,
    "back-again": BACK_AGAIN,
    "well-done": WELL_DONE,
    "fifty-nodes": FIFTY_AT_ONCE,
    "long-names": LONG_RUN,
}

NEW, OLD = "ab01cd23ef456789", "0badc0ffee12a3b4"
SICK = ServiceAnswer(status=503)

RESULTS: dict[str, ApplyResult] = {
    "done": ApplyResult(
        exit_code=0,
        plan=IMAGE_CHANGE,
        last=NOTHING,
        done=6,
        failures=(),
        not_run=(),
        seconds=41.2,
        generation=42,
    ),
    "partial": ApplyResult(
        exit_code=0,
        plan=PARTIAL,
        last=msgspec.structs.replace(NOTHING, targets=PARTIAL.targets, waiting=PARTIAL.waiting),
        done=6,
        failures=(),
        not_run=(),
        seconds=41.2,
        generation=41,
    ),
    "some-silent": ApplyResult(
        exit_code=4,
        plan=IMAGE_CHANGE,
        last=NOTHING_SILENT,
        done=4,
        failures=(),
        not_run=(),
        seconds=141.2,
        generation=41,
    ),
    "paused": ApplyResult(
        exit_code=10,
        plan=IMAGE_CHANGE,
        last=PAUSED,
        done=8,
        failures=(),
        not_run=(),
        seconds=21.0,
        generation=41,
    ),
    "one-left-behind": ApplyResult(
        exit_code=7,
        plan=IMAGE_CHANGE,
        last=msgspec.structs.replace(
            NOTHING,
            waiting=(
                Waiting(
                    subject="swift-fox", reason=f"release {NEW} of api failed there, and the others go on"
                ),
                Waiting(subject="brave-panda", reason="it would leave api on 0 of 3 nodes, and 1 must serve"),
            ),
        ),
        done=11,
        failures=(
            Failure(
                step="swift-fox/service/api/wait",
                node="swift-fox",
                message="swift-fox · service api · GET /healthz → 500\n    api-1 | panic: no column",
                hint="",
            ),
        ),
        not_run=(),
        seconds=61.0,
        generation=41,
    ),
    "waiting": ApplyResult(
        exit_code=4,
        plan=IMAGE_CHANGE,
        last=msgspec.structs.replace(FAILURES, steps=()),
        done=4,
        failures=(),
        not_run=(),
        seconds=9.0,
        generation=41,
    ),
    "undone": ApplyResult(
        exit_code=7,
        plan=IMAGE_CHANGE,
        last=msgspec.structs.replace(
            NOTHING,
            waiting=(
                Waiting(subject="certificate", reason="it is only said", final=True),
                Waiting(subject="/opt/dynia/services/api/.env", reason="(compared at apply)", unseen=True),
                Waiting(
                    subject="dns api.example.com",
                    reason="A 203.0.113.7 is in the way and is not ours; remove it by hand, or say dns: "
                    "{adopt: true}",
                ),
            ),
        ),
        done=4,
        failures=(),
        not_run=(),
        seconds=9.0,
        generation=41,
    ),
    "not-serving": ApplyResult(
        exit_code=7,
        plan=IMAGE_CHANGE,
        last=msgspec.structs.replace(
            NOTHING,
            waiting=unserved(
                (
                    Cell(
                        service="api", domain="api.example.com", node="swift-fox", wanted=(NEW,), answer=SICK
                    ),
                    Cell(service="api", domain="api.example.com", node="", wanted=(NEW, OLD), answer=SICK),
                    Cell(
                        service="api", domain="v2.example.com", node="swift-fox", wanted=(NEW,), answer=SICK
                    ),
                )
            ),
        ),
        done=6,
        failures=(),
        not_run=(),
        seconds=52.0,
        generation=41,
    ),
    "failed": ApplyResult(
        exit_code=7,
        plan=IMAGE_CHANGE,
        last=IMAGE_CHANGE,
        done=3,
        failures=(
            Failure(
                step="swift-fox/service/api/gate",
                node="swift-fox",
                message="swift-fox · service api · api-1 is unhealthy (GET /healthz → 500)\n"
                '    api-1 | panic: missing column "plan"\n    api-1 | ' + "y" * 130,
                hint="dynia logs api --node swift-fox; mend it and apply again",
            ),
        ),
        not_run=(gate("brave-panda", "service/api", "api"),),
        seconds=80.0,
        generation=41,
    ),
}

_HELD = (Hold(service="api", release="ab0112cd34ef", at=int(NOW)),)
RESULTS |= {
    "rolled-back": dataclasses.replace(
        RESULTS["failed"],
        exit_code=8,
        back=Back(to=41, holds=_HELD, done=4, nodes=("misty-owl", "swift-fox"), silent=("brave-panda",)),
    ),
    "not-rolled-back": dataclasses.replace(
        RESULTS["failed"],
        exit_code=9,
        back=Back(
            to=41,
            holds=_HELD,
            done=1,
            nodes=("misty-owl",),
            astray=("swift-fox",),
            out=(KeptOut(service="api", node="swift-fox"),),
            left=(("brave-panda", "api serves on 1 of 3 nodes, and 2 must serve"),),
            failures=RESULTS["failed"].failures,
        ),
    ),
}


def _node(name: str, ordinal: int, role: str, **more: object) -> NodeView:
    parts = {"docker": "ok", "haproxy": "ok", "keepalived": "ok", "caddy": "ok"}
    fields: dict[str, object] = {
        "name": name,
        "ordinal": ordinal,
        "address": f"198.18.0.{10 + ordinal}",
        "role": role,
        "parts": parts,
        "disk_percent": 30 + ordinal,
        **more,
    }
    return NodeView(**fields)  # type: ignore[arg-type]


CERTIFICATE = CertificateSeen(
    fingerprint="ab" * 32,
    chain="ab" * 32,
    names=("api.example.com",),
    not_before=int(NOW) - 9 * 86_400,
    not_after=int(NOW) + 81 * 86_400,
    issuer="CN=R11,O=Let's Encrypt,C=US",
    origin="acme-dns01 https://acme-v02.api.letsencrypt.org/directory",
)

WELL = CellView(state="ok", release=NEW)

STATUS = StatusView(
    cluster="prod",
    generation=42,
    applied_at=int(NOW) - 3 * 3600,
    applied_by="ci@runner-17",
    commit="9d2e11a",
    reserved_ip="198.18.0.100",
    holder="brave-panda",
    split="",
    nodes=(
        _node("misty-owl", 1, "BACKUP", certificate=CERTIFICATE, days_left=81),
        _node("swift-fox", 2, "BACKUP", certificate=CERTIFICATE, days_left=81),
        _node("brave-panda", 3, "MASTER", holds_address=True, certificate=CERTIFICATE, days_left=81),
    ),
    services=(
        ServiceView(
            name="api",
            kind="http",
            domains=("api.example.com",),
            on=dict.fromkeys(THREE, "ok"),
            rows=(RowView(domain="api.example.com", through=dict.fromkeys(THREE, WELL), entry=WELL),),
        ),
        ServiceView(name="mailer", kind="worker", domains=(), on=dict.fromkeys(THREE, "ok")),
    ),
    drift=0,
    pending=0,
    not_observed=(),
    entry=EntryView(kernels=("brave-panda",), masters=("brave-panda",), probe="brave-panda"),
)

UNSEEN = CellView(state="not observed")
BROKEN = {
    "misty-owl": WELL,
    "swift-fox": CellView(state="HTTP 502, web gone"),
    "brave-panda": CellView(state=f"other release ({OLD[:8]})", release=OLD),
    "quick-lynx": UNSEEN,
    LONG: UNSEEN,
}

TROUBLE = msgspec.structs.replace(
    STATUS,
    split="misty-owl and brave-panda are both MASTER",
    nodes=(
        _node(
            "misty-owl",
            1,
            "MASTER",
            holds_address=True,
            disk_percent=93,
            clock_skew_ms=-4200,
            certificate=CERTIFICATE,
            days_left=-1,
        ),
        _node(
            "swift-fox",
            2,
            "FAULT",
            parts={"docker": "ok", "haproxy": "failed", "keepalived": "not enabled", "caddy": "exited (137)"},
            busy_since=int(NOW) - 240,
        ),
        _node("brave-panda", 3, "MASTER", holds_address=True),
        NodeView(
            name="quick-lynx",
            ordinal=4,
            address="198.18.0.14",
            reason="no answer within 25 s, \x1b[5mblink\x1b[0m",
        ),
        NodeView(name=LONG, ordinal=5, address="198.18.0.15", reason="connection refused"),
    ),
    services=(
        ServiceView(
            name="api",
            kind="http",
            domains=("api.example.com", "old.example.com", "v2.example.com"),
            on={
                "misty-owl": "ok",
                "swift-fox": "HTTP 502, web gone",
                "brave-panda": f"other release ({OLD[:8]})",
                "quick-lynx": "not observed",
                LONG: "not observed",
            },
            rows=(
                RowView(domain="api.example.com", through=BROKEN, entry=WELL),
                RowView(domain="old.example.com", through=BROKEN, entry=WELL),
                RowView(
                    domain="v2.example.com",
                    through=BROKEN,
                    entry=CellView(state="TLS: SSL certificate problem: certificate has expired"),
                ),
            ),
        ),
        ServiceView(
            name="site",
            kind="http",
            domains=(),
            on=dict.fromkeys((*THREE, "quick-lynx", LONG), "not observed") | dict.fromkeys(THREE, "ok"),
            rows=(
                RowView(
                    domain="",
                    through={**dict.fromkeys(THREE, WELL), "quick-lynx": UNSEEN, LONG: UNSEEN},
                    entry=CellView(state="not observed (no answer in time)"),
                ),
            ),
        ),
    ),
    drift=3,
    pending=1,
    not_observed=(("quick-lynx", "no answer within 25 s"), (LONG, "connection refused")),
    entry=EntryView(kernels=("brave-panda",), masters=("brave-panda",), silence="no answer within 2 s"),
)

DRAINED = msgspec.structs.replace(
    STATUS,
    nodes=tuple(msgspec.structs.replace(n, drained=n.name == "swift-fox") for n in STATUS.nodes),
    services=(
        msgspec.structs.replace(
            STATUS.services[0],
            on={**STATUS.services[0].on, "swift-fox": "drained"},
            rows=(
                RowView(
                    domain="api.example.com",
                    through={**dict.fromkeys(THREE, WELL), "swift-fox": CellView(state="drained")},
                    entry=WELL,
                ),
            ),
        ),
        STATUS.services[1],
    ),
)

NOTHING_YET = StatusView(
    cluster="prod",
    generation=0,
    applied_at=0,
    applied_by="",
    commit="",
    reserved_ip="",
    holder="",
    split="",
    nodes=(),
    services=(),
    drift=0,
    pending=8,
    not_observed=(),
)

STATUSES: dict[str, StatusView] = {
    "well": STATUS,
    "node-drained": DRAINED,
    "trouble": TROUBLE,
    "nothing-yet": NOTHING_YET,
}

NODES = (
    Node(
        cluster="prod",
        name="misty-owl",
        ordinal=1,
        provider_id="c1",
        address="198.18.0.11",
        private_ip="198.18.0.11",
        host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOZ",
        priority=150,
        role="MASTER",
        bootstrapped=True,
    ),
    Node(
        cluster="prod",
        name=LONG,
        ordinal=2,
        provider_id="c2",
        address="198.18.0.12",
        private_ip="198.18.0.12",
        host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOZ",
        user="deploy",
        port=2222,
    ),
)

SERVICES = (
    ServiceRow(
        name="api",
        kind="http",
        state="applied",
        domains=tuple(f"api-{number}.example.com" for number in range(8)),
        target="web:8080",
        release="0123456789ab",
    ),
    ServiceRow(name="mailer", kind="worker", state="pending", domains=()),
    ServiceRow(name="old-" + "x" * 70, kind="http", state="leaving", domains=("old.example.com",)),
)


DRILLS = {
    "hard": DrillReport(
        cluster="prod",
        entry="vip",
        address="198.18.0.100",
        holder="brave-panda",
        taken=LONG,
        hard=True,
        at=int(NOW),
        lost=0.4,
        lost_back=0.0,
        probes=61,
        unanswered=4,
        slowest=0.0121,
        settled=True,
        answered=(
            Stretch(node="brave-panda", begin=0.0, end=1.2),
            Stretch(node="", begin=1.2, end=1.6),
            Stretch(node=LONG, begin=1.6, end=4.7),
            Stretch(node="brave-panda", begin=4.7, end=6.1),
        ),
    ),
    "nobody": DrillReport(
        cluster="prod",
        entry="api",
        address="198.18.0.100",
        holder="brave-panda",
        taken="",
        hard=False,
        at=int(NOW),
        lost=29.0,
        lost_back=1.2,
        probes=330,
        unanswered=302,
        slowest=0.8,
        settled=False,
        amiss="misty-owl and swift-fox are both MASTER",
        answered=(
            Stretch(node="brave-panda", begin=0.0, end=1.1),
            Stretch(node="", begin=1.1, end=31.3),
            Stretch(node="brave-panda", begin=31.3, end=33.0),
        ),
    ),
}


def _edit(old: str, new: str) -> FileEdit:
    text = "".join(f"# line {number}\n" for number in range(6)) + "nodes: {count: 3}   # three\n# the end"
    return FileEdit(path="clusters.yaml", before=text.encode(), after=text.replace(old, new).encode())


EDITS = {
    "one-line": _edit("count: 3", "count: 4"),
    "new-file": FileEdit(
        path="clusters.yaml", before=None, after=b"clusters:\n  demo:\n    nodes: {count: 3}\n"
    ),
    "what-a-terminal-would-obey": _edit("# line 5", "# line \x1b[31m5\x1b]0;title\x07"),
    "nothing": _edit("", ""),
}

_SEEN = (
    Act(name="plan", seconds=0.6, said="6 changes in 31 steps", ok=True),
    Act(name="apply", seconds=39.2, said="31 steps", ok=True),
    Act(
        name="serve",
        seconds=1.8,
        said="api, site on 2 nodes; 198.18.5.224 is answered by rustic-ewe",
        ok=True,
    ),
)
_GONE = Act(name="destroy", seconds=4.1, said="nothing is left", ok=True)
REHEARSALS = {
    "holds": RehearsalReport(
        cluster="prod",
        nodes=2,
        replaced=(
            Replaced(what="provider ssh", by="2 nodes of the lab"),
            Replaced(what="image ghcr.io/acme/api:1.9", by="a stand-in that answers every request"),
            Replaced(
                what=f"image registry.example.com/{'x' * 90}", by="a stand-in that answers every request"
            ),
        ),
        acts=(
            *_SEEN,
            Act(
                name="failover",
                seconds=12.0,
                said="quiet-elk took 198.18.5.224 over from rustic-ewe (0.1 s without an answer), and gave it "
                "back (no question without an answer)",
                ok=True,
            ),
            Act(name="plan again", seconds=1.2, said="nothing to do", ok=True),
            _GONE,
        ),
        elsewhere=(),
    ),
    "does-not-hold": RehearsalReport(
        cluster="prod",
        nodes=1,
        replaced=(),
        acts=(
            _SEEN[0],
            Act(
                name="apply",
                seconds=61.0,
                said="misty-owl/service/api/gate: did not become healthy\n\x1b[31mpanic\x1b[0m",
                ok=False,
            ),
            _GONE,
        ),
        elsewhere=("registry-1.docker.io:443", "registry-1.docker.io:443"),
    ),
}


def _heard(ordinal: int, name: str, epoch: int = 0, **more: object) -> Heard:
    made = ProviderNode(
        provider_id=f"box-{ordinal}",
        name=name,
        ordinal=ordinal,
        status="running",
        host_key="ssh-ed25519 AAAA",
    )
    kept = None
    if epoch:
        home = Cluster(name="prod", provider="docker", generation=epoch, serial=10 * epoch)
        nodes = tuple(
            msgspec.structs.replace(node, cluster="prod", provider_id=f"box-{n}")
            for n, node in enumerate(NODES, start=1)
        )
        state = State(lineage="0123456789abcdef0123456789abcdef", clusters=(home,), nodes=nodes)
        kept = read_manifest(name, Sealer(state, "prod").content(name, serial=10 * epoch, fencing=3))
    return Heard(machine=made, lineage="0123456789abcdef0123456789abcdef", manifest=kept, **more)  # type: ignore[arg-type]


def _found(*heard: Heard) -> Found:
    return Found(heard=heard, rebuilt=rebuild("prod", "docker", "0123456789abcdef0123456789abcdef", heard))


REBUILT: dict[str, Found] = {
    "one-down-one-old": _found(
        _heard(1, "misty-owl", 41),
        _heard(2, "swift-fox", 40),
        _heard(3, "brave-panda", silence="connection refused by 198.18.7.13:22"),
    ),
    "no-manifest": _found(_heard(1, "misty-owl"), _heard(2, "swift-fox", flaw="it was\x1b[31m edited")),
}
STATES: dict[str, StateView] = {
    "none": StateView(lineage=""),
    "fresh": StateView(lineage="0123456789abcdef0123456789abcdef"),
    "two-clusters": StateView(
        lineage="0123456789abcdef0123456789abcdef",
        current_cluster="prod",
        clusters=(
            StateCluster(
                name="prod",
                provider="digitalocean",
                generation=41,
                serial=1204,
                fencing=88,
                nodes=("misty-owl", "swift-fox", "brave-panda"),
                services=("api", "mailer"),
                unfinished=("misty-owl/haproxy/push",),
                intents=(),
            ),
            StateCluster(
                name="staging",
                provider="docker",
                generation=0,
                serial=1,
                fencing=1,
                nodes=(),
                services=(),
                unfinished=(),
                intents=("node-2/create",),
            ),
        ),
    ),
}
