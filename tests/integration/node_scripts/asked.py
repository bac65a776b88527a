"""What two machines are asked in the same words, and what can be seen of either.

A path is named as it is below the root of the machine. What a request's own scripts do is one of a few words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from dynia.interfaces.node_requests import (
    ConfirmRequest,
    ExpectedFile,
    Fence,
    ObserveRequest,
    PushAnswer,
    PushRequest,
    RemoveRequest,
)
from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.release import ReleaseFile
from dynia.providers.ssh.scripts import ScriptName
from tests.integration.node_scripts.machine import LINEAGE

OPT, VAR, LINEAGE_FILE = "opt/dynia", "var/lib/dynia", "opt/dynia/lineage"
OWNER = "root:root"
DROP_IN = "etc/haproxy.d/dynia.conf"

# Of each component the file that its scripts read; what it "runs" is a copy of that, beside everything that is ours.
MAIN = {"haproxy": f"{OPT}/haproxy/haproxy.cfg", "service/api": f"{OPT}/services/api/compose.yaml"}
LIVE = {component: f"live-{component.replace('/', '-')}" for component in MAIN}
GOOD = b"good"

Word = Literal["", "true", "false", "copy", "picky", "same", "rest"]
# The files of a machine: name -> content, mode.
Look = Mapping[str, tuple[bytes, int]]


@dataclass(frozen=True)
class Expect:
    """What a plan saw of a path. `before`: an old plan saw it, before the last request."""

    name: str
    twist: Literal["right", "before", "content", "mode", "owner", "absent"] = "right"
    keyed: bool = False


@dataclass(frozen=True)
class Asked:
    """A push, one that only runs its check (`once`), or a removal, in words. `delete` of a removal are its paths;
    `planned` now, it expects all that is there, and with `everything` it takes whatever is there. A push that `waits`
    is to be confirmed: that it may `stay`, or not (`leave`), or nobody says so until it is `late`."""

    verb: Literal["push", "once", "remove", "stay", "leave", "late"]
    component: str = "haproxy"
    lineage: str = LINEAGE
    files: tuple[tuple[str, bytes, int], ...] = ()
    delete: tuple[str, ...] = ()
    expected: tuple[Expect, ...] = ()
    check: Word = ""
    activate: Word = ""
    probe: Word = ""
    fence: Fence | None = None
    planned: bool = False
    everything: bool = False
    waits: bool = False

    @property
    def script(self) -> ScriptName:
        if self.verb in ("stay", "leave"):
            return "confirm"
        return "back" if self.verb == "late" else self.verb


@dataclass(frozen=True)
class Before:
    """A machine before anything is asked of it."""

    files: tuple[tuple[str, bytes, int], ...] = ()
    lineage: bytes | None = None
    fencing: tuple[str, int] = ("", 0)


@dataclass(frozen=True)
class Seen:
    """What can be seen of a machine from outside. An answer is nothing where the script was killed."""

    files: Look
    fencing: tuple[str, int]
    unfinished: tuple[str, ...]
    answer: tuple[object, ...] | None = None


def observed(facts: NodeFacts, root: str) -> tuple[object, ...]:
    """Of a look what is a node's own."""
    files = tuple(
        (file.path.removeprefix(root), file.mode, file.owner, file.digest)
        for file in sorted(facts.files, key=lambda file: file.path)
        if file.kind == "file" and not file.path.endswith("/.lineage")
    )
    return facts.lineage, facts.unfinished, facts.manifest, files


def looking(root: str, fence: Fence | None) -> ObserveRequest:
    paths = (f"{root}{VAR}/manifest.json", f"{root}{DROP_IN}")
    return ObserveRequest(roots=(f"{root}{OPT}",), paths=paths, fence=fence)


def told(answer: PushAnswer, root: str) -> tuple[object, ...]:
    names = tuple(path.removeprefix(root) for path in answer.changed)
    output = answer.output if answer.phase in ("lineage", "fenced") else ""
    return answer.phase, answer.restored, names, output


def request(
    asked: Asked,
    root: str,
    now: Look,
    then: Look,
    scripts: Callable[[str, Word], str],
    keyed: Callable[[bytes], str],
) -> PushRequest | RemoveRequest | ConfirmRequest:
    """The same request for either: `scripts` gives a word its text, `keyed` is the node's own hash of a secret."""

    def digest(content: bytes, wanted: Expect) -> str:
        return keyed(content) if wanted.keyed else "sha256:" + hashlib.sha256(content).hexdigest()

    def expected(one: Expect) -> ExpectedFile:
        path = root + one.name
        there = (then if one.twist == "before" else now).get(one.name)
        if one.twist == "absent" or (there is None and one.twist in ("right", "before")):
            return ExpectedFile(path=path, digest="")
        content, mode = there or (b"", 0o644)
        if one.twist == "content":
            content += b"?"
        if one.twist == "mode":
            mode ^= 0o004
        owner = "nobody:nogroup" if one.twist == "owner" else OWNER
        return ExpectedFile(path=path, digest=digest(content, one), mode=mode, owner=owner)

    if asked.script == "confirm":
        word = ConfirmRequest(component=asked.component, lineage=asked.lineage, fence=asked.fence)
        return replace(word, stay=asked.verb == "stay")
    wanted = asked.expected
    if asked.verb == "remove" and asked.planned:
        wanted += tuple(Expect(name) for name in now if _inside(name, asked.delete))
    seen = tuple(expected(one) for one in wanted)
    if asked.verb == "remove":
        return RemoveRequest(
            component=asked.component,
            lineage=asked.lineage,
            paths=tuple(root + name for name in asked.delete),
            expected=seen,
            deactivate=scripts(asked.component, asked.activate),
            everything=asked.everything,
            fence=asked.fence,
        )
    return PushRequest(
        component=asked.component,
        lineage=asked.lineage,
        files=tuple(ReleaseFile(path=root + n, content=c, mode=m) for n, c, m in asked.files),
        delete=tuple(root + name for name in asked.delete),
        expected=seen,
        check=scripts(asked.component, asked.check),
        activate=scripts(asked.component, asked.activate),
        probe=scripts(asked.component, asked.probe),
        probe_s=0.0,
        swap=asked.verb == "push",
        confirm_s=30.0 if asked.waits else 0.0,
        fence=asked.fence,
    )


def _inside(name: str, paths: tuple[str, ...]) -> bool:
    return any(f"{name}/".startswith(f"{path}/") for path in paths)
