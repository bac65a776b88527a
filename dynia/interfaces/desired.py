"""The desired file as values: what `clusters.yaml` says after parsing, defaults filled in.

Shapes only. Text, positions and mistakes are `clusters_file`'s; compose files are `compose_file`'s.
Durations are seconds (float), paths are absolute strings resolved from the file.
"""

from __future__ import annotations

from typing import Literal

from dynia.interfaces.shape import Shape


class DockerProvider(Shape, tag_field="kind", tag="docker"):
    """The lab: nodes are containers on this machine that boot systemd. `image` is the node image."""

    image: str = ""


class SshHost(Shape):
    """A host that exists. `host_key` is its public key line ("ssh-ed25519 AAAA...")."""

    name: str
    host: str
    private_ip: str
    user: str = "root"
    port: int = 22
    host_key: str = ""


class SshProvider(Shape, tag_field="kind", tag="ssh"):
    """Hosts that exist already; never made, never deleted. `known_hosts` is an OpenSSH file."""

    known_hosts: str = ""


DEFAULT_SIZE = "s-1vcpu-1gb"


class DigitalOceanProvider(Shape, tag_field="kind", tag="digitalocean"):
    """Droplets. `vpc` is a UUID; empty: the region's default VPC."""

    region: str
    image: str = "debian-13-x64"
    size: str = DEFAULT_SIZE
    vpc: str = ""


Provider = DockerProvider | SshProvider | DigitalOceanProvider


class Ssh(Shape):
    """How to reach nodes. `key` empty: the lab's own key, or the agent. `jump` is user@host[:port]. `readers`
    are public keys, two words each, that may look and do nothing else."""

    user: str = "root"
    port: int = 22
    key: str = ""
    jump: str = ""
    connect_timeout: float = 10.0
    readers: tuple[str, ...] = ()


class VipEntry(Shape, tag_field="kind", tag="vip"):
    """keepalived holds the address. Empty `address`: the provider gives one. Empty `interface`: that of the
    private address. `witness` (two nodes): must answer a ping; empty: the default gateway."""

    address: str = ""
    interface: str = ""
    witness: str = ""


class ApiEntry(Shape, tag_field="kind", tag="api"):
    """VRRP decides, and the provider's API moves the address: the node that becomes MASTER asks for it.

    `witness` as for VipEntry. `api` is the URL that nodes call; the file does not say it.
    """

    witness: str = ""
    api: str = "https://api.digitalocean.com"


class NoEntry(Shape, tag_field="kind", tag="none"):
    """No entry address."""


Entry = VipEntry | ApiEntry | NoEntry


class EnvSource(Shape):
    """A secret from an environment variable of the runner."""

    env: str


class NoDns(Shape, tag_field="kind", tag="none"):
    """Dynia binds no name."""


class CloudflareDns(Shape, tag_field="kind", tag="cloudflare"):
    """Names are bound to the reserved IP in this zone of Cloudflare's.

    `cname`: the first domain is an A record and the others are CNAMEs to it. `proxied`: visitors reach
    Cloudflare, which reaches the reserved IP. `adopt`: records that are in the way are taken over. `zone`
    empty: the longest one that the token sees and that all domains lie in.
    """

    zone: str = ""
    cname: bool = False
    proxied: bool = False
    adopt: bool = False


class Rfc2136Dns(Shape, tag_field="kind", tag="rfc2136"):
    """Names are bound by dynamic update (RFC 2136), signed by TSIG (RFC 8945), at a server of this zone.

    `key` is the key's name, `algorithm` as in ``hmac-sha256``, `secret` where its base64 text comes from.
    """

    zone: str
    server: str
    key: str
    secret: EnvSource
    port: int = 53
    algorithm: str = "hmac-sha256"
    cname: bool = False
    adopt: bool = False


ZoneDns = CloudflareDns | Rfc2136Dns
Dns = NoDns | CloudflareDns | Rfc2136Dns


class NoTls(Shape, tag_field="kind", tag="none"):
    """HTTP only."""


class FilesTls(Shape, tag_field="kind", tag="files"):
    """A certificate chain and its key, PEM, that somebody else renews: absolute paths on the runner."""

    certificate: str
    key: str


class SelfSignedTls(Shape, tag_field="kind", tag="self-signed"):
    """A certificate that Dynia signs itself: for tests, and behind a proxy that asks for no more."""


class CloudflareOriginTls(Shape, tag_field="kind", tag="cloudflare-origin"):
    """A certificate of Cloudflare's Origin CA: trusted by Cloudflare's proxy, and by nobody else."""


LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


class AcmeTls(Shape, tag_field="kind", tag="acme-dns01"):
    """A certificate by ACME (RFC 8555), proven by TXT records at the cluster's DNS provider.

    `directory` is the CA's URL (empty: Let's Encrypt); `ca` is a PEM file of whoever signs that URL's own
    certificate (empty: the system's).
    """

    email: str = ""
    directory: str = ""
    ca: str = ""


Tls = NoTls | FilesTls | SelfSignedTls | CloudflareOriginTls | AcmeTls


class Rollout(Shape):
    """How a change goes over the nodes. Durations in seconds."""

    max_unavailable: int = 1
    canary: bool = True
    health_timeout: float = 60.0
    drain_timeout: float = 30.0
    monitor: float = 0.0
    on_failure: Literal["rollback", "pause"] = "rollback"
    max_failures: int = 0
    pause_after_canary: bool = False


class Firewall(Shape):
    """Host firewall: who may reach ssh (CIDRs; empty tuple: any) and http (CIDRs; empty: any).

    `enabled: false` leaves the host's firewall alone.
    """

    enabled: bool = True
    ssh: tuple[str, ...] = ()
    http: tuple[str, ...] = ()


class Hooks(Shape):
    """Commands of the team's on the runner, each an argv, empty where there is none. `folder` is where they
    run (absolute); `timeout` in seconds."""

    pre_plan: tuple[str, ...] = ()
    pre_apply: tuple[str, ...] = ()
    post_apply: tuple[str, ...] = ()
    on_failure: tuple[str, ...] = ()
    folder: str = ""
    timeout: float = 60.0


class Webhook(Shape):
    """A URL that is told of `events`, which are named as hooks are. It is a secret as a rule."""

    url: str | EnvSource
    events: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Webhook([redacted], {self.events!r})"


class DriftIgnore(Shape):
    """An entry of drift, by its name, that is no finding up to and with the day `until` (UTC)."""

    item: str
    until: str
    because: str


class Registry(Shape):
    """A login for one registry host."""

    host: str
    user: str
    password: EnvSource


class Health(Shape):
    """How HAProxy and the gate ask a service. Seconds."""

    path: str = "/"
    interval: float = 0.2
    timeout: float = 0.15


class Target(Shape):
    """The routed container and its port."""

    container: str
    port: int


class ShippedFile(Shape):
    """A file that the compose file mounts or includes, shipped beside it.

    `path` is relative to the service's folder on the node, `source` where it came from (for messages).
    `secret`: an env file, or mounted as a secret: its content is never shown.
    """

    path: str
    mode: int
    content: bytes
    source: str
    secret: bool = False

    def __repr__(self) -> str:
        return f"ShippedFile({self.path!r}, {self.mode:o}, {len(self.content)} bytes)"


class Container(Shape):
    """One compose service as Dynia understands it, after interpolation.

    `config` is canonical JSON of its own part of the compose file, with the names of variables and none of
    their values; `files` are the relative paths of shipped files that it mounts or reads, `data` those of
    folders that it mounts and may write into. `unseen_dotenv`: it is given a part of `.env` that Compose
    itself does not compare. `stand_in` is what runs instead of what the file says, as an argv: in a rehearsal
    only, where the image cannot be had.
    """

    name: str
    image: str
    config: str
    files: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    one_shot: bool = False
    has_healthcheck: bool = False
    sets_logging: bool = False
    unseen_dotenv: bool = False
    stand_in: tuple[str, ...] = ()


class FileSource(Shape, tag_field="kind", tag="file"):
    """A secret that is a file of the runner's (absolute)."""

    file: str


class CommandSource(Shape, tag_field="kind", tag="command"):
    """A secret that a command of the team's prints. `folder` is where it runs (absolute)."""

    command: tuple[str, ...]
    folder: str = ""


class AgeSource(Shape, tag_field="kind", tag="age"):
    """A secret that is encrypted with age, in a file (absolute)."""

    age: str


class VariableSource(Shape, tag_field="kind", tag="env"):
    """A secret from an environment variable of the runner."""

    env: str


SecretSource = VariableSource | FileSource | CommandSource | AgeSource


class ServiceSecret(Shape):
    """A secret of a service. `source` is where whoever applies has it: None where nodes told of it. `where`
    is its place in the file, for messages. `containers` are the compose services that are given it: in the
    environment, or as a file of `mode` at `mount`."""

    name: str
    source: SecretSource | None = None
    containers: tuple[str, ...] = ()
    mount: str = ""
    mode: int = 0o600
    where: str = ""


class PreDeploy(Shape):
    """What runs once in the new image, before the release comes to any node. `container` is a compose service
    of the service's, `command` an argv that no shell reads; `timeout` in seconds."""

    container: str
    command: tuple[str, ...]
    timeout: float = 600.0


class Service(Shape):
    """One service: a compose file and how it is reached.

    `compose` is the file's text, untouched; `dotenv` the text that lands as `.env` beside it (the file's
    `.env`, then the service's `env:`); `source` the compose file's path for messages. `as_written` is
    its entry in the file, as JSON: values of `env:` are in it, so it is kept as secrets are.
    """

    name: str
    kind: Literal["http", "worker"]
    source: str
    compose: bytes
    dotenv: bytes = b""
    files: tuple[ShippedFile, ...] = ()
    containers: tuple[Container, ...] = ()
    domains: tuple[str, ...] = ()
    default: bool = False
    target: Target | None = None
    health: Health = Health()
    volumes: Literal["refuse", "per-node"] = "refuse"
    pre_deploy: PreDeploy | None = None
    secrets: tuple[ServiceSecret, ...] = ()
    as_written: bytes = b""


class ClusterSpec(Shape):
    """One cluster as wanted. `templates` maps ``haproxy/haproxy.cfg.mustache`` to the text in force. `keep`
    is how many generations nodes keep. `protect` is where the file protects it (file:line:column), empty:
    it does not."""

    name: str
    provider: Provider
    nodes: int
    hosts: tuple[SshHost, ...] = ()
    ssh: Ssh = Ssh()
    entry: Entry = NoEntry()
    dns: Dns = NoDns()
    tls: Tls = NoTls()
    rollout: Rollout = Rollout()
    firewall: Firewall = Firewall()
    registries: tuple[Registry, ...] = ()
    caddy_image: str = ""
    services: tuple[Service, ...] = ()
    templates: dict[str, str] = {}
    keep: int = 5
    hooks: Hooks = Hooks()
    notify: tuple[Webhook, ...] = ()
    protect: str = ""
    ignored: tuple[DriftIgnore, ...] = ()


SHORTEST_LEASE_S, LONGEST_LEASE_S = 5.0, 3600.0


class FileState(Shape, tag_field="kind", tag="file"):
    """The state lies beside the file."""


class GitState(Shape, tag_field="kind", tag="git"):
    """The state lies on a ref of the repository that the file is in."""


KeptState = FileState | GitState


class Desired(Shape):
    """The whole file. `path` is where it was read, `state` where the state is kept; `lease` is the term of a
    cluster's lock, in seconds."""

    path: str
    clusters: tuple[ClusterSpec, ...]
    lease: float = 30.0
    state: KeptState = FileState()
