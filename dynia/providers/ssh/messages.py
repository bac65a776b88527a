"""Requests as the bytes that travel on a script's stdin. No argv holds any of it, so secrets may."""

from __future__ import annotations

import base64
import io
import re
import tarfile
from collections.abc import Iterable
from itertools import pairwise

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.node_requests import (
    WHOLE_NODE,
    AskRequest,
    ExpectedFile,
    ObserveRequest,
    PushRequest,
    RemoveRequest,
    SecretCandidate,
)
from dynia.providers.ssh.scripts import script

_COMPONENT = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)?")
_UNIT = re.compile(r"[A-Za-z0-9:_.@-]+")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9-]*")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.:-]*")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_URL_PATH = re.compile(r"/[!-~]*")


def observe_message(request: ObserveRequest) -> bytes:
    """Lines "kind value" up to ``end``."""
    lines = [f"root {_path(root)}" for root in request.roots]
    lines += [f"path {_path(path)}" for path in request.paths]
    lines += [f"unit {_like(_UNIT, unit, 'unit')}" for unit in request.units]
    lines += [f"package {_like(_PACKAGE, package, 'package')}" for package in request.packages]
    lines += [f"secret {_path(path)}" for path in request.secret_paths]
    lines += [f"data {_path(path)}" for path in request.data]
    lines += [f"certificate {_path(path)}" for path in request.certificates]
    for candidate in request.candidates:
        lines += _candidate(candidate)
    return "".join(f"{line}\n" for line in [*lines, "end"]).encode()


def _candidate(candidate: SecretCandidate) -> tuple[str, str]:
    content = base64.b64encode(candidate.content).decode()
    return f"candidate {_path(candidate.path)}", f"content {content}"


def package_message(packages: Iterable[str]) -> bytes:
    """One package a line."""
    return "".join(f"{_like(_PACKAGE, package, 'package')}\n" for package in packages).encode()


def service_names(services: Iterable[str]) -> tuple[str, ...]:
    """Each is a file name on the node."""
    return tuple(s if s == WHOLE_NODE else _like(_SERVICE, s, "service") for s in services)


def ask_message(request: AskRequest) -> bytes:
    """Five tokens a question, each ended by NUL."""
    tokens = []
    for number, one in enumerate(request.questions):
        host, address = _like(_HOST, one.host, "host"), _like(_HOST, one.address, "address")
        tokens += [str(number), host, address, str(one.port), _like(_URL_PATH, one.path, "path")]
    return "".join(f"{token}\0" for token in tokens).encode()


def component_key(component: str) -> str:
    """A component as one folder name: ``service/api`` is ``service%api``."""
    return _like(_COMPONENT, component, "component").replace("/", "%")


def push_message(request: PushRequest) -> bytes:
    """The files to write under ``root``, and under ``.dynia`` what to do with them, as one tar."""
    paths = [file.path for file in request.files] + list(request.delete)
    _must_be_apart(paths)
    notes = {
        "expected": _expected(request.expected),
        "files": _lines(file.path for file in request.files),
        "delete": _lines(request.delete),
        "secret": _lines(file.path for file in request.files if file.secret),
        "data": _lines(request.data),
        "check": request.check.encode(),
        "activate": request.activate.encode(),
        "probe": request.probe.encode(),
        "back": script("back").encode() if request.confirm_s else b"",
    }
    contents = [(f"root{file.path}", file.mode, file.content) for file in request.files]
    return _tar(notes, contents)


def remove_message(request: RemoveRequest) -> bytes:
    """What to delete and how to deactivate it first, as one tar."""
    _must_be_apart(request.paths)
    notes = {
        "expected": _expected(request.expected),
        "files": b"",
        "delete": _lines(request.paths),
        "secret": b"",
        "deactivate": request.deactivate.encode(),
        "only-seen": b"" if request.everything else b"yes",
    }
    return _tar(notes, [])


def _tar(notes: dict[str, bytes], contents: list[tuple[str, int, bytes]]) -> bytes:
    """Owner root, no times (a file is as old as its arrival). The last member says that all has arrived."""
    members = [(f".dynia/{name}", 0o600, note) for name, note in notes.items()]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, mode, content in [*members, *contents, (".dynia/end", 0o600, b"")]:
            info = tarfile.TarInfo(name)
            info.mode, info.size = mode, len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def _expected(files: tuple[ExpectedFile, ...]) -> bytes:
    """Lines "digest mode owner path". ``absent``: not there. ``there``: something that has no digest."""
    lines = []
    for file in files:
        digest = file.digest or ("there" if file.there else "absent")
        _like(re.compile(r"(sha256|hmac):[0-9a-f]{64}|there|absent"), digest, "digest")
        owner = file.owner or "-"
        _like(re.compile(r"[^\s]+"), owner, "owner")
        lines.append(
            f"{digest} {file.mode:o} {owner} {_path(file.path)}\n"
            if file.mode
            else f"{digest} - {owner} {_path(file.path)}\n"
        )
    return "".join(lines).encode()


def _lines(paths: Iterable[str]) -> bytes:
    return "".join(f"{_path(path)}\n" for path in paths).encode()


def _path(path: str) -> str:
    """Absolute, normal, at least two levels deep, on one line: else the caller is mistaken."""
    parts = path.split("/")
    fine = parts[0] == "" and len(parts) > 2 and all(part not in {"", ".", ".."} for part in parts[1:])
    if not fine or not path.isprintable():
        raise DyniaError(f"not a path that may be handled on a node: {path!r}")
    return path


def _must_be_apart(paths: Iterable[str]) -> None:
    """Each path once, and none inside another: else putting one back would destroy the other."""
    ordered = sorted(f"{path}/" for path in paths)
    for first, second in pairwise(ordered):
        if second.startswith(first):
            raise DyniaError(f"the same push names {first[:-1]} and {second[:-1]}")


def _like(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise DyniaError(f"not a {what} that a node may be told: {value!r}")
    return value
