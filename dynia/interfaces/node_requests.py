"""What the engine asks of a node, and what the node answers: typed values, one exec each."""

from __future__ import annotations

from typing import Literal

from dynia.interfaces.observed import FileSeen
from dynia.interfaces.release import ReleaseFile
from dynia.interfaces.shape import Shape


class SecretCandidate(Shape):
    """Content to be compared on the node, by HMAC, with the file at `path`. Travels on stdin only."""

    path: str
    content: bytes

    def __repr__(self) -> str:
        return f"SecretCandidate(path={self.path!r}, content=[redacted])"


class Fence(Shape):
    """The number of the lease under which something is asked. A node keeps the highest that it has seen of
    its cluster, and refuses what comes with a lower one before it touches anything (law 11)."""

    lineage: str
    cluster: str
    number: int


class ObserveRequest(Shape):
    """What to look at. `roots` are our folders (walked whole), `paths` single files outside them.

    `secret_paths` are observed by HMAC. `data` are folders of which nobody looks at what is in them, but for
    `paths`. `certificates` are files whose public parts are told. `interface` is
    where VRRP's address would be, or empty.
    """

    roots: tuple[str, ...]
    paths: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    secret_paths: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    candidates: tuple[SecretCandidate, ...] = ()
    certificates: tuple[str, ...] = ()
    fence: Fence | None = None


class ExpectedFile(Shape):
    """What a path looked like when the plan was made (law 4). Without digest, mode and owner: not there. (A
    link, say, has no digest.)"""

    path: str
    digest: str
    mode: int = 0
    owner: str = ""

    @property
    def there(self) -> bool:
        return bool(self.digest or self.mode or self.owner)


class PushRequest(Shape):
    """Bring one component of a node to a release: all or nothing (law 8).

    Under the node's lock, within `deadline_s`: compare `expected`, stage `files`, run `check` (sh; the
    staged tree is at ``$STAGE``, so ``$STAGE/opt/dynia/haproxy/haproxy.cfg``), swap each file by rename
    (only the files listed: others keep inode and mtime), remove `delete`, run `activate` (sh), then `probe`
    (sh) until it succeeds or `probe_s` is over. When any of it fails, every file is put back, `activate` is
    run again on the old files, and the answer says which phase failed with its last lines. No files and no
    delete is an activation alone. Scripts are constants of the component plus quoted values; they see
    no secret. `lineage` is written on the first push and compared after. With `data`, folders that may
    hold any amount, the staged tree has of what stays only what `expected` names.

    Without `swap` it ends after `check`, whatever else is asked for: `files` were there for that script, and
    are gone with the stage.

    With `confirm_s` it is not over after `probe`, where something was there before: the node goes back by
    itself unless it is told within that time that it may stay (`ConfirmRequest`), also after a reboot.
    """

    component: str
    lineage: str
    files: tuple[ReleaseFile, ...] = ()
    delete: tuple[str, ...] = ()
    expected: tuple[ExpectedFile, ...] = ()
    data: tuple[str, ...] = ()
    check: str = ""
    activate: str = ""
    probe: str = ""
    probe_s: float = 10.0
    swap: bool = True
    confirm_s: float = 0.0
    deadline_s: float = 110.0
    fence: Fence | None = None


class ConfirmRequest(Shape):
    """The word that a push with `confirm_s` waits for: what it brought may `stay`, or is put back at once."""

    component: str
    lineage: str
    stay: bool = True
    deadline_s: float = 20.0
    fence: Fence | None = None


class RemoveRequest(Shape):
    """Take a component off a node: `deactivate` (sh) under the lock, then delete `paths` (files, folders).

    Only with what was seen there: a file below them that `expected` does not name was put there since the
    plan, and counts as changed (law 4). A folder that it names goes with what is in it: data of
    containers, which no look tells of. With `everything` whatever is there goes.
    """

    component: str
    lineage: str
    paths: tuple[str, ...]
    expected: tuple[ExpectedFile, ...] = ()
    deactivate: str = ""
    everything: bool = False
    deadline_s: float = 110.0
    fence: Fence | None = None


class Room(Shape):
    """What is free on the file system that is mounted at `place`: bytes of `size`, and how many more files
    there may be (None: it has no such limit)."""

    place: str
    free: int
    size: int
    files: int | None = None

    def words(self) -> str:
        """What a message says of it."""
        said = f"{self.place}: {_bytes(self.free)} free of {_bytes(self.size)}"
        if self.files == 0:
            return f"{said}, no more files fit"
        return f"{said}, files left: {self.files}" if self.files and self.files < 10 else said


def _bytes(size: int) -> str:
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"


PushPhase = Literal[
    "lock", "lineage", "fenced", "link", "expected", "stage", "check", "swap", "activate", "probe",
    "deactivate", "done", "open", "back",
]  # fmt: skip


class PushAnswer(Shape):
    """How a push or a removal ended. `done` is the only success, or with `confirm_s` `open`: all went well,
    and the node waits for the word.

    `lock`: the node is busy. `fenced`: it has seen a higher lease, whose number is in `output`.
    `link`: `changed` names links that paths of the request lie behind. `expected`: it names what differs
    from the plan. So far nothing was touched. Later phases: the node was
    put back; `restored` says whether that was seen to work. `deactivate`: of a removal, which has deleted
    nothing yet. `back`: it was not confirmed in time, or was not to stay. `output` is the last lines
    (bounded, control characters stripped). `files` is how the component's files are now. `room` is what was
    free when a phase failed.
    """

    phase: PushPhase
    changed: tuple[str, ...] = ()
    restored: bool = True
    output: str = ""
    files: tuple[FileSeen, ...] = ()
    room: tuple[Room, ...] = ()


class BootstrapRequest(Shape):
    """Make a machine ready: install what is missing of `packages`, make our folders, pin the lineage."""

    lineage: str
    packages: tuple[str, ...]
    deadline_s: float = 600.0
    fence: Fence | None = None


class Bootstrapped(Shape):
    """What bootstrap saw at its end. `missing` names what could not be had, with `output` for why."""

    packages: dict[str, str] = {}
    missing: tuple[str, ...] = ()
    output: str = ""


class GateRequest(Shape):
    """Wait until a service serves on this node: health of its containers, then a probe through Caddy.

    `project` is the compose project. `containers` maps each compose service to the config label that it
    must carry; one-shot containers may have exited with 0. `url` (http://<private ip>:8080/path) is asked
    with `host` as Host header until it answers 2xx or 3xx with header X-Dynia-Release = `release`; empty
    for no HTTP. It must be so for `monitor_s` on end; whoever lapses begins anew, while `timeout_s` and that
    are not over. Durations in seconds.
    """

    service: str
    project: str
    containers: dict[str, str]
    url: str = ""
    host: str = ""
    release: str = ""
    timeout_s: float = 60.0
    monitor_s: float = 0.0


class GateAnswer(Shape):
    """`healthy`, or why not (one line) and the last lines of the container concerned."""

    healthy: bool
    reason: str = ""
    container: str = ""
    output: str = ""


# The flag of all services of a node, those that come later too: no service can be named so. It is a person's,
# who may come back late.
WHOLE_NODE, LASTING_S = "_node", 100 * 365 * 86_400


class DrainRequest(Shape):
    """Let HAProxies send `services` of this node nothing new, for `lasts_s` seconds at most: whoever asked
    may die. With 0 they send again. Under the node's lock, or not at all (`Locked`). `WHOLE_NODE` stands for
    all of them."""

    services: tuple[str, ...]
    lasts_s: float = 0.0
    fence: Fence | None = None


class TrafficRequest(Shape):
    """Ask this node's HAProxy what it sends to whom; `own`: and its own Caddy what it has at work."""

    own: bool = False


class Sent(Shape):
    """What one HAProxy does with one node for one service. `taking`: it gives it new requests; `sessions` are
    at work now."""

    service: str
    node: str
    taking: bool
    sessions: int = 0


class Traffic(Shape):
    """`sent` is empty where no HAProxy answered (it sends nothing, then) or where it is too old to tell.
    `at_work`: by service, requests and WebSockets that the node's own Caddy has open; a service that it does
    not know is not in it."""

    sent: tuple[Sent, ...] = ()
    at_work: dict[str, int] = {}


class Question(Shape):
    """One GET of `path`, as a visitor of `host` makes it, at `address`. On port 443 over TLS: the certificate
    must be the one that lies on the node that asks, good now and for `host`."""

    host: str
    address: str
    port: int
    path: str


class AskRequest(Shape):
    """Ask from this node, several at a time. What is not answered after `deadline_s` was not asked in
    time."""

    questions: tuple[Question, ...]
    deadline_s: float = 20.0


class ServiceAnswer(Shape):
    """What answered one question: the HTTP status, and the release that X-Dynia-Release names. `status` 0: no
    HTTP answer, and `said` is why; `silent`: nothing at all came in time."""

    status: int = 0
    release: str = ""
    said: str = ""
    silent: bool = False


class ImageRequest(Shape):
    """Get an image onto the node: `pull` by digest (with a login file on the node if there is one), or
    stream `image_id` from the operator's Docker. `tag` is given to it after a stream."""

    reference: str
    pull: str = ""
    image_id: str = ""
    tag: str = ""
    deadline_s: float = 600.0
    fence: Fence | None = None


class ExecRequest(Shape):
    """A command on the node, as an argv that is quoted on the way; output is bounded. One that changes
    something has a `fence`: then it runs under the node's lock, or not at all (`Locked`)."""

    argv: tuple[str, ...]
    stdin: bytes = b""
    deadline_s: float = 60.0
    fence: Fence | None = None


class Executed(Shape):
    exit_code: int
    stdout: bytes
    stderr: bytes
