"""Parses what observe.sh told into facts: a pure function that believes nothing about its input."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

import msgspec

from dynia.interfaces.errors import NotObservedError
from dynia.interfaces.node_requests import ObserveRequest
from dynia.interfaces.observed import (
    CertificateSeen,
    ContainerSeen,
    FileSeen,
    ImageSeen,
    NodeFacts,
    ServerSeen,
    UnitSeen,
)
from dynia.interfaces.pem import PemError, read_chain
from dynia.providers.ssh.answers import drained
from dynia.providers.ssh.files_seen import files_seen, keyed_digests
from dynia.providers.ssh.framing import Sections, line, number, path_text, records, sections, text, token

# Docker's words for what `uname -m` says.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386"}
_HEX = re.compile(r"[0-9a-f]{64}")
_RELEASE = re.compile(r"[0-9a-f]{16}")
_MOST_SKEW_MS = 10**15
# Clocks that differ by less are taken for the same one.
_SAME_CLOCK_MS = 30_000
_HANGS = {
    "Docker": "its Docker does not answer within 10 s, so nothing is known of its containers; run "
    "`systemctl restart docker` there (they end and start again), then plan again",
    "systemd": "its systemd does not answer within 10 s, so nothing is known of its units; look at it "
    "(`dynia node ssh`, its console), reboot it, then plan again",
}

# Labels that a container does not have are null.
_ContainerRow = tuple[str, str, str, str, str, int, int, str, str | None, str | None, str | None, list[str]]
_container_rows = msgspec.json.Decoder(_ContainerRow)


def parse_observation(raw: bytes, request: ObserveRequest, *, runner_ms: int, cut: bool = False) -> NodeFacts:
    """The facts, or a NotObservedError when the answer makes no sense.

    `runner_ms` is the runner's clock when the node read its own: times are told by the runner's. `cut`: the
    answer was longer than allowed.
    """
    found = sections(raw)
    if "clock" not in found or "host" not in found:
        raise NotObservedError("the node's answer makes no sense: it does not begin as it must")
    if "end" not in found and not cut:
        raise NotObservedError("the node's answer broke off")
    truncated = []
    if cut:
        truncated.append("answer: longer than allowed")
    files, files_whole = files_seen(found)
    if not files_whole:
        truncated.append("files: too many")
    unhashed = sum(
        1 for f in files if f.kind == "file" and not f.digest and f.path not in request.secret_paths
    )
    if unhashed:
        truncated.append(f"files: {unhashed} too large to be hashed in time")
    units = _units(token(found, "units", 0))
    if request.units and not units:
        truncated.append("units: no answer")
    active = {unit.name: unit.active for unit in units}
    # One that has just booted is waited for by whatever needs it; one that runs may be serving.
    hangs = line(token(found, "hangs", 0), 50)
    if hangs in _HANGS and (hangs != "Docker" or active.get("docker.service") != "activating"):
        raise NotObservedError(_HANGS[hangs])
    docker = line(token(found, "docker", 0), 50)
    if "docker" in found and not docker:
        truncated.append("docker: no answer")
    containers, containers_whole = _containers(token(found, "containers", 0))
    if not containers_whole:
        truncated.append("containers: not understood")
    node_ms = number(token(found, "clock", 0)) // 1_000_000
    skew_ms = max(-_MOST_SKEW_MS, min(_MOST_SKEW_MS, node_ms - runner_ms))
    ahead_s = round(skew_ms / 1000) if abs(skew_ms) > _SAME_CLOCK_MS else 0
    busy_since = number(token(found, "host", 5))
    return NodeFacts(
        hostname=line(token(found, "host", 0), 255),
        boot_id=line(token(found, "host", 2), 64),
        os=line(token(found, "host", 3), 64),
        arch=_architecture(token(found, "host", 1)),
        lineage=line(token(found, "host", 4), 128),
        busy_since=max(1, busy_since - ahead_s) if busy_since else 0,
        disk_used_percent=_disk(token(found, "host", 6)),
        disk_free_mb=_free(token(found, "host", 6)),
        addresses=_addresses(token(found, "host", 7)),
        firewall=_firewall(token(found, "firewall", 0)),
        vrrp=_vrrp(token(found, "host", 8)) if active.get("keepalived.service") == "active" else "",
        unfinished=_unfinished(token(found, "host", 9)),
        manifest=line(token(found, "host", 10), 4000),
        routes=_routes(token(found, "host", 11)),
        servers=_servers(token(found, "host", 12)),
        drained=drained(found.get("drained", [])),
        files=tuple(_at(file, ahead_s) for file in files) if ahead_s else files,
        units=tuple(unit for unit in units if unit.name in request.units),
        packages=_packages(token(found, "packages", 0)),
        containers=containers,
        images=_images(token(found, "images", 0)),
        networks=_networks(token(found, "networks", 0)),
        clock_skew_ms=skew_ms,
        docker=docker,
        compose=line(token(found, "docker", 1), 50).removeprefix("v"),
        secrets=_told(found, request),
        truncated=tuple(truncated),
        certificates=_certificates(found, request),
    )


def _at(file: FileSeen, ahead_s: int) -> FileSeen:
    return msgspec.structs.replace(file, mtime=max(0, file.mtime - ahead_s))


def _told(found: Sections, request: ObserveRequest) -> dict[str, str]:
    """Only paths that were asked for; a node can't add to them."""
    digests = keyed_digests(found, "candidates")
    return {c.path: digests[c.path] for c in request.candidates if c.path in digests}


def _certificates(found: Sections, request: ObserveRequest) -> dict[str, CertificateSeen]:
    """Only paths that were asked for; what cannot be read as a certificate is as if it were not there."""
    rows, _ = records(found.get("certificates", []), 4)
    seen = {}
    for path_raw, public, key_hash, _ in rows:
        path = path_text(path_raw)
        if path not in request.certificates:
            continue
        try:
            seen[path] = read_chain(public, key_hash=line(key_hash, 64))
        except PemError:
            continue
    return seen


def _architecture(raw: bytes) -> str:
    machine = line(raw, 32)
    return _ARCHITECTURES.get(machine, machine)


def _lines(raw: bytes) -> list[str]:
    return [line(row.encode(), 2000) for row in text(raw, 4_000_000).split("\n") if row.strip()]


def _disk(raw: bytes) -> int:
    """The fullest of the file systems that `df -P` listed."""
    used = [0]
    for row in _lines(raw)[1:]:
        columns = row.split()
        if len(columns) >= 6 and columns[4].endswith("%"):
            used.append(number(columns[4][:-1].encode(), most=100))
    return max(used)


def _free(raw: bytes) -> int | None:
    """Where Docker keeps images: the last one that was asked for. `df -P` counts in KiB."""
    last = (_lines(raw)[1:] or [""])[-1].split()
    return number(last[3].encode()) // 1024 if len(last) >= 6 and last[3].isdecimal() else None


def _addresses(raw: bytes) -> tuple[str, ...]:
    found = set()
    for row in _lines(raw):
        columns = row.split()
        if len(columns) >= 4 and columns[2] == "inet":
            try:
                found.add(ipaddress.IPv4Address(columns[3].split("/")[0]))
            except ValueError:
                continue
    return tuple(str(address) for address in sorted(found))


def _vrrp(raw: bytes) -> str:
    role = line(raw, 20)
    return role if role in {"MASTER", "BACKUP", "FAULT"} else ""


def _firewall(raw: bytes) -> Literal["", "loaded", "changed", "gone"]:
    match line(raw, 20):
        case "loaded" | "changed" | "gone" as told:
            return told
        case _:
            return ""


def _unfinished(raw: bytes) -> tuple[str, ...]:
    """Folders of transactions that a dead push left, as components."""
    return tuple(sorted({path.rsplit("/", 1)[-1].replace("%", "/") for path in _lines(raw)}))


def _routes(raw: bytes) -> tuple[str, ...]:
    """Hashes alone, each once."""
    told = (row.rpartition(" ")[2] for row in _lines(raw))
    return tuple(sorted({word for word in told if _RELEASE.fullmatch(word)}))


def _servers(raw: bytes) -> tuple[ServerSeen, ...]:
    """Below the name of each service its nodes, each with its address."""
    found, service = [], ""
    for row in text(raw, 1_000_000).splitlines():
        words = row.split()
        if not row.startswith(" "):
            service = words[0] if len(words) == 1 else ""
        elif service and len(words) == 2:
            found.append(ServerSeen(service=service, node=words[0], address=words[1]))
    return tuple(found)


def _units(raw: bytes) -> tuple[UnitSeen, ...]:
    units = {}
    for block in text(raw, 1_000_000).split("\n\n"):
        values = dict(row.split("=", 1) for row in _lines(block.encode()) if "=" in row)
        name = values.get("Id", "")
        if name:
            units[name] = UnitSeen(
                name=name,
                active=values.get("ActiveState", ""),
                enabled=values.get("UnitFileState", ""),
                since=number(values.get("ActiveEnterTimestamp", "").removeprefix("@").encode()),
            )
    return tuple(units[name] for name in sorted(units))


def _packages(raw: bytes) -> dict[str, str]:
    packages = {}
    for row in text(raw, 100_000).split("\n"):
        columns = row.split("\t")
        if len(columns) == 3 and columns[2] == "installed":
            packages[columns[0]] = columns[1]
    return dict(sorted(packages.items()))


def _containers(raw: bytes) -> tuple[tuple[ContainerSeen, ...], bool]:
    """Containers by name, and whether every row was understood."""
    seen = []
    whole = True
    for row in raw.splitlines():
        if not row.strip():
            continue
        try:
            values = _container_rows.decode(row)
        except (msgspec.MsgspecError, UnicodeError):
            whole = False
            continue
        id_, name, image, state, health, code, restarts, started, project, service, config, networks = values
        seen.append(
            ContainerSeen(
                id=_word(id_),
                name=_word(name).removeprefix("/"),
                image=_word(image),
                state=_word(state),
                health=_word(health),
                exit_code=max(-(2**31), min(2**31, code)),
                restarts=max(0, min(2**31, restarts)),
                started=_word(started),
                project=_word(project or ""),
                service=_word(service or ""),
                config=_word(config or ""),
                networks=tuple(sorted(_word(network) for network in networks if network)),
            )
        )
    return tuple(sorted(seen, key=lambda c: (c.name, c.id))), whole


def _word(value: str) -> str:
    return line(value.encode("utf-8", "replace"), 300)


def _images(raw: bytes) -> tuple[ImageSeen, ...]:
    tags: dict[str, set[str]] = {}
    digests: dict[str, set[str]] = {}
    for row in _lines(raw):
        columns = row.split(" ")
        if len(columns) != 4 or not _HEX.fullmatch(columns[0].removeprefix("sha256:")):
            continue
        id_, repository, tag, digest = columns
        tags.setdefault(id_, set())
        digests.setdefault(id_, set())
        if repository != "<none>" and tag != "<none>":
            tags[id_].add(f"{repository}:{tag}")
        if repository != "<none>" and digest != "<none>":
            digests[id_].add(f"{repository}@{digest}")
    return tuple(
        ImageSeen(id=id_, tags=tuple(sorted(tags[id_])), digests=tuple(sorted(digests[id_])))
        for id_ in sorted(tags)
    )


def _networks(raw: bytes) -> tuple[str, ...]:
    """Ours only: Docker's filter also finds names that merely contain ``edge-``."""
    return tuple(sorted({name for name in _lines(raw) if name.startswith("edge-")}))
