"""What a verb was asked to do, after parsing: one value for each verb that reaches a service."""

from __future__ import annotations

from typing import Literal

from dynia.interfaces.shape import Shape

Detail = Literal["summary", "normal", "full"]
ProgressKind = Literal["auto", "tty", "plain", "json"]


class Target(Shape):
    """Which file and which cluster; None where nobody said."""

    file: str | None = None
    cluster: str | None = None


class PlanRequest(Shape):
    """`dynia plan`. `detailed_exitcode`: changes are exit 2."""

    target: Target
    detail: Detail = "normal"
    as_json: bool = False
    detailed_exitcode: bool = False


class DriftRequest(Shape):
    """`dynia drift`."""

    target: Target
    as_json: bool = False


class ApplyRequest(Shape):
    """`dynia apply`, and with `restrict` `dynia sync`. `yes` answers the question beforehand."""

    target: Target
    verb: Literal["apply", "sync"] = "apply"
    yes: bool = False
    allow_downtime: bool = False
    detail: Detail = "normal"
    progress: ProgressKind = "auto"
    as_json: bool = False

    @property
    def restrict(self) -> bool:
        return self.verb == "sync"


class DestroyRequest(Shape):
    """`dynia cluster destroy`. `confirmed` is the cluster's name as said beforehand, or empty."""

    target: Target
    confirmed: str = ""
    progress: ProgressKind = "auto"
    as_json: bool = False


class StatusRequest(Shape):
    """`dynia status`."""

    target: Target
    as_json: bool = False


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


class SshRequest(Shape):
    """`dynia node ssh`. No `argv`: a shell."""

    target: Target
    node: str
    argv: tuple[str, ...] = ()


class RenderRequest(Shape):
    """`dynia render`. `out` empty: ``deploy-config`` beside the file; ``-``: printed."""

    target: Target
    out: str = ""
