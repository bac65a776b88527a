"""What a verb was asked to do, after parsing: one value for each verb that reaches a service."""

from __future__ import annotations

from typing import Literal

from dynia.interfaces.shape import Shape

Detail = Literal["summary", "normal", "full"]
EditVerb = Literal["deploy", "undeploy", "cluster scale", "cluster create"]
# What no file says: it is done once, to the service or the node that is named.
ByHandVerb = Literal[
    "restart", "node drain", "node undrain", "node promote", "node replace", "node reboot", "drift revert"
]
ProgressKind = Literal["auto", "tty", "plain", "json"]


class Target(Shape):
    """Which file and which cluster; None where nobody said."""

    file: str | None = None
    cluster: str | None = None


class Part(Shape):
    """Which part of the file a plan is of, in the words that were said; `replace` is a node that another
    machine is to take the place of, or empty."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replace: str = ""


class PlanRequest(Shape):
    """`dynia plan`. `detailed_exitcode`: changes are exit 2. `out`: the file that keeps it, or empty.
    `resume`: what waits after its canary goes on. `part`: of which part of the file."""

    target: Target
    part: Part = Part()
    detail: Detail = "normal"
    as_json: bool = False
    detailed_exitcode: bool = False
    out: str = ""
    resume: bool = False


class ShowRequest(Shape):
    """`dynia show`: a saved plan, and whether it is stale as far as that is known without asking anybody."""

    file: str
    target: Target
    detail: Detail = "normal"
    as_json: bool = False


class DriftRequest(Shape):
    """`dynia drift`. `report`: the folder of the report, or empty. `alert_after`: webhooks are told of what
    has been there for so many reports on end; 0: of nothing."""

    target: Target
    as_json: bool = False
    report: str = ""
    alert_after: int = 0


class IgnoreRequest(Shape):
    """`dynia drift ignore`. `until` and `because` as they were said; `yes` answers the question."""

    target: Target
    items: tuple[str, ...]
    until: str
    because: str
    yes: bool = False


class AdoptRequest(Shape):
    """`dynia drift adopt`."""

    target: Target
    items: tuple[str, ...]
    yes: bool = False


class ApplyRequest(Shape):
    """`dynia apply`, and with `restrict` `dynia sync`. `yes` answers the question beforehand. `lock_wait`
    is for how many seconds to wait for the cluster's lock.

    The other verbs edit the file first and apply it then; `dry_run`: they show both and do neither.
    `plan_file` is a saved plan, `expect` the digest of one: both were reviewed, so nothing is asked.
    `resume`: what waits after its canary goes on. `name` is whom a verb by hand is about, `--all` where that
    is every node; `os_updates`: a reboot with updates. `allow_destroy`: so many things may go.
    `part`: of which part of the file, where a saved plan does not say so. `items` are what `drift revert` is
    about.
    """

    target: Target
    verb: Literal["apply", "sync", "rollback"] | EditVerb | ByHandVerb = "apply"
    name: str = ""
    os_updates: bool = False
    items: tuple[str, ...] = ()
    yes: bool = False
    dry_run: bool = False
    allow_downtime: bool = False
    force_dns: bool = False
    allow_destroy: int = 0
    part: Part = Part()
    plan_file: str = ""
    expect: str = ""
    resume: bool = False
    lock_wait: float = 0.0
    detail: Detail = "normal"
    progress: ProgressKind = "auto"
    as_json: bool = False

    @property
    def reviewed(self) -> bool:
        return bool(self.plan_file or self.expect)

    @property
    def restrict(self) -> bool:
        return self.verb == "sync"

    @property
    def again(self) -> str:
        """The verb that goes on with what this one began: once the file is edited, that is apply."""
        if self.name:
            return self.said
        return self.verb if self.verb in ("sync", "rollback") else "apply"

    @property
    def said(self) -> str:
        """The verb as it was typed, with the name that it is about."""
        return f"{self.verb} {self.name}{' --os-updates' if self.os_updates else ''}".rstrip()


class RollbackRequest(Shape):
    """`dynia rollback`. `generation` 0: the last good one. `service` empty: all of it. `adopt`: the file is
    written, too."""

    run: ApplyRequest
    generation: int = 0
    service: str = ""
    adopt: bool = False


class UnholdRequest(Shape):
    """`dynia unhold`. `service` empty: all that is on hold."""

    target: Target
    service: str = ""


class GenerationsRequest(Shape):
    """`dynia rollback --list`: from the state alone."""

    target: Target
    as_json: bool = False


class ScaleRequest(Shape):
    """`dynia cluster scale`: so many nodes."""

    run: ApplyRequest
    nodes: int


class DeployRequest(Shape):
    """`dynia deploy`. What is empty stays as the file has it. `image`: only the routed container's. `names`:
    Cloudflare may bind the domains."""

    run: ApplyRequest
    service: str
    compose: str = ""
    domains: tuple[str, ...] = ()
    target: str = ""
    health: str = ""
    image: str = ""
    names: bool = False


class UndeployRequest(Shape):
    """`dynia undeploy`."""

    run: ApplyRequest
    service: str


class CreateRequest(Shape):
    """`dynia cluster create`; `provider` is a kind. Empty: left to the provider's default. `names`:
    Cloudflare may bind the domains that come."""

    run: ApplyRequest
    cluster: str
    nodes: int
    provider: str
    size: str = ""
    region: str = ""
    image: str = ""
    names: bool = False


class InitRequest(Shape):
    """`dynia init`. `hosts` are (name, address, private address); empty: the provider makes `nodes`."""

    file: str
    cluster: str
    provider: str
    nodes: int
    hosts: tuple[tuple[str, str, str], ...] = ()
    size: str = ""
    region: str = ""
    service: str = ""
    compose: str = ""
    domains: tuple[str, ...] = ()
    target: str = ""
    health: str = ""


class DestroyRequest(Shape):
    """`dynia cluster destroy`. `lock_wait` as of apply.
    `confirmed` is the cluster's name as said beforehand, or empty. `leave_names`:
    its DNS records stay."""

    target: Target
    confirmed: str = ""
    lock_wait: float = 0.0
    leave_names: bool = False
    progress: ProgressKind = "auto"
    as_json: bool = False


class RehearseRequest(Shape):
    """`dynia rehearse`. `keep`: what was made stays, to be looked at."""

    target: Target
    keep: bool = False
    as_json: bool = False


class StatusRequest(Shape):
    """`dynia status`."""

    target: Target
    as_json: bool = False


class DrillRequest(Shape):
    """`dynia drill failover`. `lock_wait` as of apply. `node` empty: VRRP elects who takes over."""

    target: Target
    node: str = ""
    hard: bool = False
    yes: bool = False
    lock_wait: float = 0.0
    as_json: bool = False


class UnlockRequest(Shape):
    """`dynia state unlock`. The lock's number goes above `above` too."""

    target: Target
    yes: bool = False
    above: int = 0


class LogsRequest(Shape):
    """`dynia logs`. `node` empty: every node. `lines` back from now; `follow` goes on."""

    target: Target
    service: str
    node: str = ""
    lines: int = 100
    follow: bool = False


class ExecRequest(Shape):
    """`dynia exec`. `node` empty: the first node that answers. `container` empty: the routed one."""

    target: Target
    service: str
    argv: tuple[str, ...]
    node: str = ""
    container: str = ""
    with_stdin: bool = False


class NodeListRequest(Shape):
    """`dynia node list`: from the state alone."""

    target: Target
    as_json: bool = False


class ServiceListRequest(Shape):
    """`dynia service list`: from file and state alone."""

    target: Target
    as_json: bool = False


class SecretsRequest(Shape):
    """`dynia secrets check`: from the file and the secrets' sources alone. Without a cluster: all of them."""

    file: str | None
    cluster: str | None
    as_json: bool = False


class SshRequest(Shape):
    """`dynia node ssh`. No `argv`: a shell."""

    target: Target
    node: str
    argv: tuple[str, ...] = ()


class RebuildRequest(Shape):
    """`dynia state rebuild`. `lineage` empty: the only one that is there. `yes` answers the question."""

    target: Target
    lineage: str = ""
    yes: bool = False
    as_json: bool = False


class StateRequest(Shape):
    """`dynia state show|pull`: from the state alone."""

    target: Target
    as_json: bool = False


class StatePushRequest(Shape):
    """`dynia state push`. `source` is a file, or ``-``. `force`: also an older state, and one that lacks
    clusters."""

    target: Target
    source: str
    force: bool = False
    yes: bool = False


class ForgetRequest(Shape):
    """`dynia forget`: a node leaves the state and is not touched."""

    target: Target
    node: str
    yes: bool = False


class ImportRequest(Shape):
    """`dynia import`: `said` names a machine (id, name or address), or is a reserved IP. `host_key` is the
    machine's public host key, one line; else `known_hosts` is a file that has it."""

    target: Target
    what: Literal["node", "reserved_ip"]
    said: str
    host_key: str = ""
    known_hosts: str = ""
    yes: bool = False
    lock_wait: float = 0.0


class RenderRequest(Shape):
    """`dynia render`. `out` empty: ``deploy-config`` beside the file; ``-``: printed."""

    target: Target
    out: str = ""


class HistoryRequest(Shape):
    """`dynia history`. `number` 0: the `last` runs as a list, else that run."""

    target: Target
    number: int = 0
    last: int = 20
    detail: Detail = "normal"
    as_json: bool = False


class CiPlanRequest(Shape):
    """`dynia ci plan`; the target names its cluster."""

    target: Target


class CiNightlyRequest(Shape):
    """`dynia ci nightly`. `report` is the folder of `dynia drift --report`, `found` how that ended."""

    cluster: str
    report: str
    found: int
