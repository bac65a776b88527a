"""The manifest: what every node keeps of its cluster, so that a state which was lost can be made again. Pure.

One JSON object on two lines. The first line holds the cluster's part of the state, in the form of
`state.json` and the same on every node; the last one is the seal, which says whose it is and how new::

    {"state": {...},
    "format": "dynia.manifest", "version": 1, "lineage": ..., "cluster": ..., "node": ..., "generation": 7,
    "serial": 120, "fencing": 0, "digest": "sha256:...", "checksum": "sha256:..."}

It holds what the state holds, so no secret. The serial stands in the seal alone: it moves with every record.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.shape import Shape
from dynia.state.model import Cluster, State
from dynia.state.snapshot import read_text, state_of

PATH = "/var/lib/dynia/manifest.json"
MODE = 0o644
MANIFEST_VERSION = 1
# A seal is one line of a few hundred characters; the state before it may be as long as a state.
SEAL_LIMIT = 4000


class Seal(Shape):
    """`digest` is the sha256 of the first line, `checksum` that of this seal without it. Of two manifests of
    one lineage the one with the higher (`fencing`, `serial`) is newer."""

    format: Literal["dynia.manifest"]
    version: int
    lineage: str
    cluster: str
    node: str
    generation: int
    serial: int
    fencing: int
    digest: str
    checksum: str = ""

    @property
    def age(self) -> tuple[int, int]:
        return self.fencing, self.serial


class Sealer:
    """A cluster's part of a state, encoded and hashed once for all of its nodes."""

    def __init__(self, state: State, cluster: str) -> None:
        part = part_of(state, cluster)
        home = state.cluster(cluster)
        self._lineage, self._cluster = state.lineage, cluster
        self._generation = home.generation if home else 0
        self._head = b'{"state": ' + msgspec.json.encode(part, order="deterministic") + b",\n"
        self._hash = hashlib.sha256(self._head)
        self.digest = f"sha256:{self._hash.hexdigest()}"

    def content(self, node: str, *, serial: int, fencing: int) -> bytes:
        return self._head + self._seal(node, serial, fencing)

    def digest_of(self, node: str, *, serial: int, fencing: int) -> str:
        """The sha256 of that content, as it is observed on the node."""
        whole = self._hash.copy()
        whole.update(self._seal(node, serial, fencing))
        return f"sha256:{whole.hexdigest()}"

    def line_of(self, node: str, *, serial: int, fencing: int) -> str:
        """Its last line, as it is observed on the node."""
        return self._seal(node, serial, fencing).decode().strip("\n")

    def _seal(self, node: str, serial: int, fencing: int) -> bytes:
        seal = Seal(
            format="dynia.manifest",
            version=MANIFEST_VERSION,
            lineage=self._lineage,
            cluster=self._cluster,
            node=node,
            generation=self._generation,
            serial=serial,
            fencing=fencing,
            digest=self.digest,
        )
        # Without its opening brace, which stands before the state.
        return msgspec.json.encode(msgspec.structs.replace(seal, checksum=checksum_of(seal)))[1:] + b"\n"


def part_of(state: State, cluster: str) -> State:
    """What a manifest holds of a state: this cluster alone, in the model's own order, without what moves with
    every record."""
    return State(
        version=state.version,
        lineage=state.lineage,
        clusters=tuple(_bare(c) for c in state.clusters if c.name == cluster),
        nodes=state.nodes_of(cluster),
        deployments=tuple(
            sorted((d for d in state.deployments if d.cluster == cluster), key=lambda d: d.name)
        ),
        routes=tuple(sorted((r for r in state.routes if r.cluster == cluster), key=lambda r: r.domain)),
        intents=tuple(sorted((i for i in state.intents if i.cluster == cluster), key=lambda i: i.step)),
    )


def _bare(home: Cluster) -> Cluster:
    releases = tuple(sorted(home.releases, key=lambda r: (r.component, r.id)))
    return msgspec.structs.replace(home, serial=0, releases=releases, paces=())


def read_seal(line: str) -> Seal | None:
    """The seal that a manifest's last line is; None where it is none, or somebody edited it."""
    try:
        seal = msgspec.json.decode("{" + line, type=Seal)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return seal if seal.checksum == checksum_of(seal) else None


class Manifest(Shape):
    """One that was read: its seal, and the cluster's part of the state, with its serial."""

    seal: Seal
    state: State


def read_manifest(where: str, content: bytes) -> Manifest:
    """`where` says where it lay, for people. `BadInput` or `DyniaError` where it is none, or was edited."""
    head, _, rest = content.partition(b"\n")
    seal = read_seal(rest.decode(errors="replace").strip("\n"))
    opening, closing = b'{"state": ', b","
    if seal is None or not (head.startswith(opening) and head.endswith(closing)):
        raise DyniaError(f"{where}: this is no manifest, or it was edited")
    if seal.digest != "sha256:" + hashlib.sha256(head + b"\n").hexdigest():
        raise DyniaError(f"{where}: what it says does not fit its seal: it was edited or is torn")
    if seal.version > MANIFEST_VERSION:
        raise DyniaError(f"{where}: version {seal.version} is of a newer Dynia", hint="use that one")
    body = head.removeprefix(opening).removesuffix(closing)
    snapshot, _ = read_text(Path(where), body, seal.lineage)
    state = state_of(snapshot)
    serials = tuple(msgspec.structs.replace(c, serial=seal.serial) for c in state.clusters)
    names = {c.name for c in state.clusters}
    if state.lineage != seal.lineage or names != {seal.cluster}:
        raise DyniaError(f"{where}: its seal is of another state or cluster than what it says")
    return Manifest(seal=seal, state=msgspec.structs.replace(state, clusters=serials))


def checksum_of(seal: Seal) -> str:
    bare = msgspec.structs.replace(seal, checksum="")
    return "sha256:" + hashlib.sha256(msgspec.json.encode(bare)).hexdigest()
