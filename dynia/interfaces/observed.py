"""What was seen on nodes and at providers: lossless, undecided. No answer is a value, not an error."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from dynia.interfaces.shape import Shape


class NotObserved(Shape, tag="not_observed"):
    """No answer. `reason` is for people ("connection refused", "no answer within 10 s").

    `refused`: a vendor answered, and the answer was no (a wrong token): what to do about it.
    """

    reason: str
    refused: str = ""


class FileSeen(Shape):
    """One path inside a managed folder, or one of our drop-ins.

    `digest` is ``sha256:<hex>``; ``hmac:<hex>`` for a file that holds a secret (law 9: the key lives on
    the node); empty for what is not a regular file. `mode` is the permission bits (``0o644``).
    `mtime` is whole seconds since the epoch, by the runner's clock where the node's is another time.
    """

    path: str
    kind: Literal["file", "dir", "link", "other"]
    mode: int
    owner: str
    digest: str = ""
    size: int = 0
    mtime: int = 0


class UnitSeen(Shape):
    """A systemd unit: `active` is ActiveState, `enabled` is UnitFileState ("" if it does not exist)."""

    name: str
    active: str
    enabled: str
    since: int = 0


class ContainerSeen(Shape):
    """One container of the node's Docker. `image` is the config digest (``sha256:...``).

    `health` is Docker's own word, or ``none`` where the image declares no check. `config` is our label
    ``dev.dynia.config`` (hash of this container's own configuration), empty on containers not ours.
    """

    id: str
    name: str
    image: str
    state: str
    health: str = "none"
    exit_code: int = 0
    restarts: int = 0
    started: str = ""
    project: str = ""
    service: str = ""
    config: str = ""
    networks: tuple[str, ...] = ()


class ImageSeen(Shape):
    """An image on a node: config digest, tags and repo digests (``repo@sha256:...``)."""

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()


class ServerSeen(Shape):
    """A node to which a HAProxy sends a service, by the file that lies there."""

    service: str
    node: str
    address: str


class CertificateSeen(Shape):
    """A file with a certificate chain and its key, told by its public parts alone.

    `fingerprint` is the sha256 of the leaf, `chain` of all certificates in the file (hex). `names` are the
    DNS names that it is for; times are seconds since the epoch. `origin` is the file's own word for where
    Dynia had it from (``self-signed``), empty for one that somebody else made. `fits`: the private key beside
    it is its.
    """

    fingerprint: str
    chain: str
    names: tuple[str, ...]
    not_before: int
    not_after: int
    issuer: str = ""
    origin: str = ""
    fits: bool = True


class NodeFacts(Shape, tag="observed"):
    """Everything that one exec on a node returned.

    `addresses` are the IPv4 addresses that its kernel has now. `vrrp` is the role that keepalived last
    told (``MASTER``, ``BACKUP``, ``FAULT``; empty if it does not run). `secrets` maps the path of each
    secret candidate that was sent to the HMAC that the node made of it, to be compared with the file's.
    `firewall` is how our nftables table is against what its unit loaded; empty if unknown.
    `certificates` maps the path of a certificate file to what it is.
    `disk_free_mb` is what is left where Docker keeps images, None if unknown.
    `clock_skew_ms` is the node's clock minus the runner's. `busy_since` (by the runner's) is set where
    somebody holds the node's lock.
    `unfinished` are components whose last push or removal died half way: their files may be swapped and not
    activated, so they are to be pushed or activated again even if every file is right.
    `routes` are the releases of containers that the node's Caddyfile leads to (what `X-Dynia-Release` says);
    empty where it tells none. `servers` are whom the node's haproxy.cfg names, in its order; empty where
    it tells none. `drained` are services to which HAProxies send nothing new, by a flag whose
    time is not over. `manifest` is the seal of the manifest there (its last line), empty where
    there is none; the file itself is among `files`.
    """

    hostname: str
    boot_id: str
    os: str
    arch: str
    lineage: str = ""
    files: tuple[FileSeen, ...] = ()
    units: tuple[UnitSeen, ...] = ()
    packages: dict[str, str] = {}
    containers: tuple[ContainerSeen, ...] = ()
    images: tuple[ImageSeen, ...] = ()
    networks: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    vrrp: str = ""
    firewall: Literal["", "loaded", "changed", "gone"] = ""
    disk_used_percent: int = 0
    disk_free_mb: int | None = None
    clock_skew_ms: int = 0
    busy_since: int = 0
    docker: str = ""
    compose: str = ""
    secrets: dict[str, str] = {}
    truncated: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    servers: tuple[ServerSeen, ...] = ()
    drained: tuple[str, ...] = ()
    manifest: str = ""
    certificates: dict[str, CertificateSeen] = {}


ObservedNode = NodeFacts | NotObserved


class ProviderNode(Shape):
    """A machine as its provider tells it. `status`: running (also frozen), off, or absent (being made).

    `host_key` is the public host key that was injected at creation ("ssh-ed25519 AAAA..."), so that a
    node which a dead run made can be adopted by tag without trusting anyone.
    """

    provider_id: str
    name: str
    ordinal: int
    status: Literal["running", "off", "absent"]
    public_ip: str = ""
    private_ip: str = ""
    host_key: str = ""


class ProviderAddress(Shape):
    """A reserved IP as its provider tells it; `owner` is a provider_id, empty if nobody has it."""

    provider_id: str
    address: str
    owner: str = ""


class EntryAnswer(Shape, tag="answered"):
    """The node that answered at the entry address when it was asked from outside, by its own word."""

    node: str


class Offer(Shape, tag="offer"):
    """What a provider says before a machine is made of the kind that the file orders.

    `refusal` and `hint`: why it would make none. `room` and `address_room`: how many more machines and
    reserved IPs there may be; None: no limit. `monthly` is the price of one, `paid` that of each machine that
    is there (by provider_id), US dollars; None: nothing is paid. `walls` are pairs of a machine's name and
    somebody else's firewall before it, which would cut VRRP.
    """

    refusal: str = ""
    hint: str = ""
    room: int | None = None
    address_room: int | None = None
    monthly: float | None = None
    paid: dict[str, float] = {}
    walls: tuple[tuple[str, str], ...] = ()


class DnsRecord(Shape):
    """A record of a zone. `ours` means that it carries our mark (law 10).

    One of ours that is no A, AAAA or CNAME is what is left of a mark: `name` is the name it spoke of.
    """

    record_id: str
    name: str
    type: str
    value: str
    ours: bool = False
    proxied: bool = False


class ResolvedImage(Shape, tag="image"):
    """What an image reference means now.

    `origin` ``registry``: `pull` is ``repo@sha256:...`` and nodes pull it. `origin` ``operator``: no
    registry has it, `image_id` is the config digest in the operator's Docker, and it is streamed.
    `run` is what the compose override names. `platform` is ``linux/amd64`` or empty if unknown.
    """

    reference: str
    origin: Literal["registry", "operator"]
    run: str
    image_id: str = ""
    pull: str = ""
    platform: str = ""


class UnresolvedImage(Shape, tag="unresolved"):
    """Neither a registry nor the operator's Docker knows the reference, or neither answered."""

    reference: str
    reason: str


class Observed(Shape):
    """The world at one moment: nodes by name, the provider's list, addresses, records, images.

    `zones` are those that the DNS token sees, asked only where the file names none. `entry` is who answered
    at the entry address; unset where there is none to be asked.
    `others` are lineages of other states that have machines with this cluster's tag, asked only while this
    state does not know the cluster.
    `at` is that moment, in seconds since the epoch: how long a certificate is good is told from it.
    `certificate` is the one in the files that the desired file names, where those are here.
    """

    nodes: dict[str, ObservedNode] = {}
    provider_nodes: tuple[ProviderNode, ...] | NotObserved = ()
    addresses: tuple[ProviderAddress, ...] | NotObserved = ()
    records: tuple[DnsRecord, ...] | NotObserved = ()
    zones: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    entry: EntryAnswer | NotObserved | UnsetType = UNSET
    images: dict[str, ResolvedImage | UnresolvedImage] = {}
    offer: Offer | NotObserved = Offer()
    at: int = 0
    certificate: CertificateSeen | None = None
