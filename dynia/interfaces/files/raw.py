"""clusters.yaml as it is written, key by key: the source of its checks, its JSON Schema and its docs.

What a value may look like stands in the types; what several values mean together is `rules_*`'s.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dynia.interfaces.durations import PATTERN as DURATION
from dynia.interfaces.shape import Shape

# `extra["words"]` is how a mistake names the type; `extra["rule"]` is the rule's id.
Duration = Annotated[
    str, Meta(pattern=DURATION, extra={"words": "a duration like 200ms, 30s or 2m", "rule": "bad-duration"})
]
VariableName = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z_][A-Za-z0-9_]*$",
        extra={"words": "a variable name like LOG_LEVEL", "rule": "bad-variable-name"},
    ),
]
# numbers are taken as they are written: 1.10 stays 1.10
EnvText = Annotated[
    str,
    Meta(
        extra={"words": "text or a number", "rule": "bad-type", "text": True},
        extra_json_schema={"type": ["string", "number", "boolean"]},
    ),
]
Port = Annotated[int, Meta(ge=1, le=65535, extra={"words": "a port, 1 to 65535", "rule": "bad-port"})]
Slug = Annotated[
    str,
    Meta(
        pattern="^[a-z0-9][a-z0-9.-]{0,99}$",
        extra={"words": "a word of the provider's like lon1 or s-1vcpu-1gb", "rule": "bad-slug"},
    ),
]
MountPath = Annotated[
    str,
    Meta(
        # What has no meaning of its own in a compose file.
        pattern="^/[A-Za-z0-9_@+=-][A-Za-z0-9/._@+=-]*$",
        extra={"words": "a path in the container like /run/secrets/NAME", "rule": "bad-mount-path"},
    ),
]
Words = Annotated[str, Meta(min_length=1, extra={"words": "text that is not empty", "rule": "empty-text"})]
Reach = Literal["any"] | list[str]


class DockerProvider(Shape, tag_field="kind", tag="docker"):
    """The lab: nodes are containers on this machine."""

    image: str = ""


class SshProvider(Shape, tag_field="kind", tag="ssh"):
    """Hosts that exist already."""

    known_hosts: str = ""


class DigitalOceanProvider(Shape, tag_field="kind", tag="digitalocean"):
    """Droplets of one account."""

    region: Slug
    image: Slug = "debian-13-x64"
    vpc: str = ""


class Count(Shape):
    """How many nodes; the provider makes them."""

    count: Annotated[
        int, Meta(ge=1, le=200, extra={"words": "a number of nodes, 1 to 200", "rule": "bad-count"})
    ]
    size: Slug | None = None


class Host(Shape):
    """A host that exists."""

    name: Words
    host: Words
    private_ip: Words
    user: Words | None = None
    port: Port | None = None
    host_key: str = ""


class Ssh(Shape):
    """How to reach nodes."""

    user: Words = "root"
    port: Port = 22
    key: str = ""
    jump: str = ""
    connect_timeout: Duration = "10s"
    readers: list[Words] = []


class VipEntry(Shape, tag_field="kind", tag="vip"):
    """The reserved IP moves by VRRP."""

    address: str = ""
    interface: str = ""
    witness: str = ""


class ApiEntry(Shape, tag_field="kind", tag="api"):
    """The reserved IP moves through the provider's API."""

    witness: str = ""


class NoEntry(Shape, tag_field="kind", tag="none"):
    """No reserved IP."""


class EnvSource(Shape):
    """A secret that stands in an environment variable of whoever runs Dynia."""

    env: VariableName


class NoDns(Shape, tag_field="kind", tag="none"):
    """Dynia binds no name."""


class CloudflareDns(Shape, tag_field="kind", tag="cloudflare"):
    """Names in a zone of Cloudflare's."""

    zone: str = ""
    cname: bool = False
    proxied: bool = False
    adopt: bool = False


class Rfc2136Dns(Shape, tag_field="kind", tag="rfc2136"):
    """Names by dynamic update at a server of one's own."""

    zone: Words
    server: Words
    key: Words
    secret: EnvSource
    port: Port = 53
    algorithm: Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"] = "hmac-sha256"
    cname: bool = False
    adopt: bool = False


Dns = NoDns | CloudflareDns | Rfc2136Dns


class NoTls(Shape, tag_field="kind", tag="none"):
    """HTTP only."""


class FilesTls(Shape, tag_field="kind", tag="files"):
    """A certificate that somebody else renews."""

    certificate: Words
    key: Words


class SelfSignedTls(Shape, tag_field="kind", tag="self-signed"):
    """A certificate that Dynia signs itself."""


class CloudflareOriginTls(Shape, tag_field="kind", tag="cloudflare-origin"):
    """A certificate of Cloudflare's Origin CA."""


class AcmeTls(Shape, tag_field="kind", tag="acme-dns01"):
    """A certificate by ACME, proven in the cluster's zone."""

    email: str = ""
    directory: str = ""
    ca: str = ""


Tls = NoTls | FilesTls | SelfSignedTls | CloudflareOriginTls | AcmeTls


class FileState(Shape, tag_field="kind", tag="file"):
    """state.json beside the file."""

    lease: Duration = "30s"


class GitState(Shape, tag_field="kind", tag="git"):
    """On a ref of the repository that clusters.yaml lies in."""

    lease: Duration = "2m"


class Rollout(Shape):
    """How a change goes over the nodes."""

    max_unavailable: Annotated[
        Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern="^[1-9][0-9]?%$")],
        Meta(
            extra={
                "words": "a number of nodes, at least 1, or a part of them, 1% to 99%",
                "rule": "bad-max-unavailable",
            }
        ),
    ] = 1
    canary: bool = True
    health_timeout: Duration = "60s"
    drain_timeout: Duration = "30s"
    monitor: Duration = "0s"
    on_failure: Literal["rollback", "pause"] = "rollback"
    max_failures: Annotated[
        int, Meta(ge=0, extra={"words": "a number of nodes, at least 0", "rule": "bad-max-failures"})
    ] = 0
    pause_after_canary: bool = False


class Firewall(Shape):
    """Who may reach the nodes."""

    enabled: bool = True
    ssh: Reach = "any"
    http: Reach = "any"


class Registry(Shape):
    """A login for one image registry."""

    host: Words
    user: Words
    password: EnvSource


Command = Words | list[Words]
Event = Literal["pre_plan", "pre_apply", "post_apply", "on_failure", "drift"]


class Hooks(Shape):
    """What runs on the operator's machine around an apply."""

    pre_plan: Command | UnsetType = UNSET
    pre_apply: Command | UnsetType = UNSET
    post_apply: Command | UnsetType = UNSET
    on_failure: Command | UnsetType = UNSET
    timeout: Duration = "60s"


class Webhook(Shape):
    """Who is told of it."""

    url: Words | EnvSource
    events: list[Event] | UnsetType = UNSET


class DriftIgnore(Shape):
    """One entry of drift that is left as it is for a while."""

    item: Words
    until: Annotated[
        str,
        Meta(
            pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            extra={"words": "a date like 2026-12-03", "rule": "bad-date"},
        ),
    ]
    because: Words


class Drift(Shape):
    """What the drift report leaves out for a while."""

    ignore: list[DriftIgnore] = []


class Caddy(Shape):
    """The HTTP router on every node."""

    image: Words


class Health(Shape):
    """How a service is asked whether it is well."""

    path: Annotated[
        str,
        Meta(
            # What has no meaning of its own in haproxy.cfg, in a URL's path and in a shell's word.
            pattern="^/[A-Za-z0-9/._~!*,;=:@%?&+-]*$",
            extra={
                "words": "a path like /healthz (letters, digits and /._~!*,;=:@%?&+-)",
                "rule": "bad-health-path",
            },
        ),
    ] = "/"
    interval: Duration | UnsetType = UNSET
    timeout: Duration | UnsetType = UNSET


class Secret(Shape):
    """A secret of a service: one of `env`, `file`, `command` and `age` says where it comes from."""

    name: VariableName
    env: VariableName | UnsetType = UNSET
    file: Words | UnsetType = UNSET
    command: Command | UnsetType = UNSET
    age: Words | UnsetType = UNSET
    containers: list[Words] = []
    mount: MountPath | UnsetType = UNSET
    mode: Literal["0600", "0444"] = "0600"


class Service(Shape):
    """One service: a compose file and how it is reached."""

    compose: Words
    kind: Literal["http", "worker"] = "http"
    domains: list[str] = []
    default: bool = False
    target: str = ""
    health: Health | None = None
    env: dict[VariableName, EnvText] = {}
    volumes: Literal["per-node"] | None = None
    pre_deploy: list[Words] = []
    pre_deploy_timeout: Duration = "10m"
    secrets: list[Secret] = []


class Cluster(Shape):
    """One cluster."""

    provider: DockerProvider | SshProvider | DigitalOceanProvider
    nodes: Count | list[Host]
    ssh: Ssh = Ssh()
    entry: VipEntry | ApiEntry | NoEntry | None = None
    dns: Dns = NoDns()
    tls: Tls = NoTls()
    rollout: Rollout = Rollout()
    firewall: Firewall = Firewall()
    registries: list[Registry] = []
    caddy: Caddy | None = None
    templates: str = ""
    keep: Annotated[
        int, Meta(ge=1, le=50, extra={"words": "a number of generations, 1 to 50", "rule": "bad-keep"})
    ] = 5
    hooks: Hooks = Hooks()
    notify: list[Webhook] = []
    protect: bool = False
    drift: Drift = Drift()
    services: dict[str, Service] = {}


class File(Shape):
    """clusters.yaml."""

    clusters: dict[str, Cluster]
    requires: Annotated[
        str,
        Meta(
            pattern="^>=[0-9]{1,4}(\\.[0-9]{1,4}){0,2}$",
            extra={"words": 'a version like ">=2.0"', "rule": "bad-requires"},
        ),
    ] = ""
    state: FileState | GitState = FileState()


# Known, and refused until their machinery is there: a key that is ignored would be a lie.
NOT_YET_KEYS: dict[str, frozenset[str]] = {
    "Service": frozenset(("run",)),
    "EnvSource": frozenset(("file", "command")),
}
NOT_YET_KINDS: dict[str, frozenset[str]] = {
    "kind": frozenset(("tcp",)),
}
