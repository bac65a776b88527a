"""Parses what the scripts that change a node told: pure functions that believe nothing about their input."""

from __future__ import annotations

import re
from collections import Counter
from typing import get_args

import msgspec

from dynia.interfaces.errors import DyniaError, Locked, NotObservedError, Refused, fenced
from dynia.interfaces.node_requests import (
    WHOLE_NODE,
    Bootstrapped,
    GateAnswer,
    PushAnswer,
    PushPhase,
    Room,
    Sent,
    ServiceAnswer,
    Traffic,
)
from dynia.providers.ssh.files_seen import files_seen
from dynia.providers.ssh.framing import Sections, line, number, path_text, records, sections, text, token

# How `deed.sh` ends where it did not run the command.
NOT_BEGUN = 75
# How the program ends that a reader's key is bound to, and what it says first, where it does nothing.
REFUSED_TO_READERS, _SAYS = 77, "dynia: "
FULL = "make room there (`df -h` shows where), then run it again"
_SERVICE = re.compile("[a-z0-9][a-z0-9-]{0,62}")
# What Caddy proxies to: the service, eight digits of the routed container's hash, a port.
_UPSTREAM = re.compile(f"({_SERVICE.pattern})-[0-9a-f]{{8}}:[0-9]{{1,5}}")
# HAProxy's words for a server that is given new requests; NOLB, DOWN, MAINT and DRAIN are not.
_TAKING = ("UP", "no check")
_STATUS = re.compile("[1-9][0-9]{2}")
# curl's last words, with its number for what went wrong.
_CURL = re.compile(r"curl: \(([0-9]{1,3})\) *(.*)")
_CONNECT, _LATE, _TLS = 7, 28, (35, 51, 60, 77)
_PHASES: dict[str, PushPhase] = {phase: phase for phase in get_args(PushPhase)}


def parse_push(raw: bytes) -> PushAnswer:
    """How a push or a removal ended."""
    found = _whole(raw, "answer")
    phase = _PHASES.get(line(token(found, "answer", 0)))
    if phase is None:
        raise NotObservedError("the node's answer makes no sense: it names no phase")
    files, _ = files_seen(found)
    output = text(token(found, "output", 0), 4000).strip("\n")
    if phase == "lock":
        output = _holder(output)
    return PushAnswer(
        phase=phase,
        changed=tuple(path_text(path) for path in found.get("changed", []) if path),
        restored=token(found, "answer", 1) == b"1",
        output=output,
        files=files,
        room=_room(token(found, "room", 0), token(found, "room", 1)),
    )


def parse_bootstrap(raw: bytes) -> Bootstrapped:
    """What bootstrap saw at its end; a host of another state and a busy one are errors."""
    found = _whole(raw, "bootstrap")
    phase = line(token(found, "bootstrap", 0))
    output = text(token(found, "output", 0), 4000).strip("\n")
    if phase == "lineage":
        raise Refused(
            f"this host belongs to another state ({line(output.encode())})",
            hint="it is managed from somewhere else; nothing was touched",
        )
    if phase == "lock":
        raise Locked(f"the node is busy: {_holder(output)}")
    if phase == "fenced":
        raise fenced("", line(output.encode()))
    if phase == "stage":
        raise DyniaError(line(output.encode()), hint="is the node's disk full?")
    if phase != "done":
        raise NotObservedError("the node's answer makes no sense: it names no phase")
    rows = (row.split("\t") for row in text(token(found, "packages", 0), 100_000).split("\n"))
    missing = text(token(found, "missing", 0), 100_000).split()
    return Bootstrapped(
        packages=dict(sorted((row[0], row[1]) for row in rows if len(row) == 3)),
        missing=tuple(missing),
        output=output if missing else "",
    )


def parse_gate(raw: bytes) -> GateAnswer:
    """Whether a service serves, or why not."""
    found = _whole(raw, "gate")
    healthy = token(found, "gate", 0) == b"1"
    reason = line(token(found, "gate", 1))
    return GateAnswer(
        healthy=healthy,
        reason="" if healthy else reason or "no reason given",
        container=line(token(found, "gate", 2), 200),
        output="" if healthy else text(token(found, "output", 0), 8000).strip("\n"),
    )


# The second server of a node in haproxy.cfg: asked where no node passes its checks.
UNCHECKED = ".unchecked"


class _Upstream(msgspec.Struct):
    address: str
    num_requests: int


_upstreams = msgspec.json.Decoder(list[_Upstream])


def parse_drained(raw: bytes) -> tuple[str, ...]:
    """Services for which a flag lies there now."""
    return drained(_whole(raw, "drained")["drained"])


def drained(tokens: list[bytes]) -> tuple[str, ...]:
    """Names of services alone, and of the whole node, each once."""
    named = (line(one, 100).removeprefix("/") for one in tokens)
    return tuple(sorted({name for name in named if name == WHOLE_NODE or _SERVICE.fullmatch(name)}))


def parse_traffic(raw: bytes) -> Traffic:
    """What a HAProxy sends and what a Caddy has at work, as far as it is understood."""
    found = _whole(raw, "haproxy")
    rows = (row.split(",") for row in text(token(found, "haproxy", 0), 2_000_000).split("\n"))
    taking: dict[tuple[str, str], bool] = {}
    sessions: Counter[tuple[str, str]] = Counter()
    for service, server, open_now, status in (row for row in rows if len(row) == 4):
        where = (service.removeprefix("service-"), server.removesuffix(UNCHECKED))
        sessions[where] += number(open_now.encode())
        # Whom HAProxy would ask if nobody passed his checks takes nothing now.
        if server not in ("BACKEND", "FRONTEND") and not server.endswith(UNCHECKED):
            taking[where] = status.startswith(_TAKING)
    sent = [
        Sent(service=where[0], node=where[1], taking=takes, sessions=sessions[where])
        for where, takes in taking.items()
    ]
    at_work: Counter[str] = Counter()
    try:
        told = _upstreams.decode(token(found, "caddy", 0) or b"[]")
    except (msgspec.MsgspecError, UnicodeError):
        told = []
    for upstream in told:
        if named := _UPSTREAM.fullmatch(upstream.address):
            at_work[named[1]] += max(0, upstream.num_requests)
    return Traffic(sent=tuple(sent), at_work=dict(sorted(at_work.items())))


def parse_ask(raw: bytes, asked: int) -> tuple[ServiceAnswer, ...]:
    """An answer for each of `asked` questions."""
    rows, _ = records(_whole(raw, "answers")["answers"], 3)
    told = {number(row[0]): row[1] for row in reversed(rows)}
    late = ServiceAnswer(said="not asked in time", silent=True)
    return tuple(parse_service_answer(told[which]) if which in told else late for which in range(asked))


def parse_service_answer(raw: bytes) -> ServiceAnswer:
    """Status and release of an HTTP head, the last one after any 100 Continue; without one why there is
    none."""
    status, release, said, silent = 0, "", "", False
    for one in text(raw, 8192).splitlines():
        if one.startswith("HTTP/"):
            words = one.split()
            told = words[1] if len(words) > 1 else ""
            status, release = int(told) if _STATUS.fullmatch(told) else 0, ""
        elif failed := _CURL.match(one):
            said, silent = _why_none(int(failed[1]), failed[2]), int(failed[1]) == _LATE
        name, _, value = one.partition(":")
        if name.lower() == "x-dynia-release":
            release = line(value.encode(), 100)
    if said:
        return ServiceAnswer(said=said, silent=silent)
    return ServiceAnswer(status=status, release=release, said="" if status else "no answer")


def _why_none(code: int, words: str) -> str:
    if code == _LATE:
        return "no answer in time"
    if code == _CONNECT:
        return "can't connect"
    said = line(words.encode(), 200)
    return f"TLS: {said}" if code in _TLS else f"no answer ({said or f'curl {code}'})"


def refuse_deed(exit_code: int | None, raw: bytes) -> None:
    """Raises where a command that changes something was not begun; else what it told is its own."""
    if exit_code != NOT_BEGUN or not raw.startswith(b"\x01"):
        return
    found = sections(raw)
    if "fenced" in found:
        raise fenced("", line(token(found, "fenced", 0), 100))
    if "lock" in found:
        raise Locked(f"the node is busy: {_holder(line(token(found, 'lock', 0)))}")
    raise DyniaError(line(token(found, "stage", 0)) or "not begun", hint=FULL)


def _room(blocks: bytes, inodes: bytes) -> tuple[Room, ...]:
    """What `df -P` and `df -Pi` listed, each file system once."""
    files = {place: free for place, free, total in _df(inodes) if total}
    found = {
        place: Room(place=place, free=free * 1024, size=total * 1024, files=files.get(place))
        for place, free, total in _df(blocks)
    }
    return tuple(found[place] for place in sorted(found))


def _df(raw: bytes) -> list[tuple[str, int, int]]:
    """Where it is mounted, what is available, and of how much."""
    rows = (row.split(maxsplit=5) for row in text(raw, 4000).split("\n")[1:])
    return [
        (line(row[5].encode(), 200), number(row[3].encode(), most=2**50), number(row[1].encode(), most=2**50))
        for row in rows
        if len(row) == 6
    ]


def _whole(raw: bytes, name: str) -> Sections:
    found = sections(raw)
    if name not in found or "end" not in found:
        raise NotObservedError("the node's answer broke off")
    return found


def _holder(output: str) -> str:
    """The lock's own words: "<seconds since the epoch> <component>"."""
    words = output.split("\n")[-1].split(" ")
    what = f" by a push of {words[1]}" if len(words) == 2 else ""
    if words[-1] == "deed":
        what = " by a command of a drill or an apply"
    return f"its lock is held{what}"


def refuse_reader(exit_code: int | None, said: str) -> None:
    """Raises where the node's program has refused to do what was asked for."""
    if exit_code == REFUSED_TO_READERS and said.startswith(_SAYS):
        raise NotObservedError(
            f"refused by the node: {said.removeprefix(_SAYS)}",
            hint="nothing was done there; use another key",
        )
