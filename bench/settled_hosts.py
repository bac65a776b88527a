"""A settled cluster of kind ssh as a folder that `dynia plan` reads, and what each of its hosts answers.

The planner and its model world make the cluster, so the answers are those of hosts on which an apply just
ended. They are written in the form of observe.sh, and checked by being read back and planned again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec

from dynia.interfaces.clusters_file import load
from dynia.interfaces.node_requests import ObserveRequest
from dynia.interfaces.observed import (
    ContainerSeen,
    FileSeen,
    ImageSeen,
    NodeFacts,
    ProviderNode,
    ResolvedImage,
)
from dynia.interfaces.shape import Shape
from dynia.interfaces.templates import builtin_templates
from dynia.providers.ssh.messages import observe_message
from dynia.providers.ssh.observation import parse_observation
from dynia.providers.ssh.scripts import Places, script_command
from dynia.services.gather import observe_request
from dynia.services.planning.components import image_references
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.model_node import UNKNOWN
from dynia.services.planning.planner import make_plan
from dynia.state.generation import path_of
from dynia.state.snapshot import snapshot_of, write_text
from tests.plans import worlds

_LINEAGE = "0123456789abcdef0123456789abcdef"
_OBSERVE_S = 25.0
_STARTED = "2026-01-01T00:00:00.000000000Z"
replace = msgspec.structs.replace


class Host(Shape):
    """Where one sshd listens, and the public key line that it shows."""

    name: str
    address: str
    port: int
    host_key: str


class Settled(Shape):
    """`command` and `message` are what each host is to be sent: the exec's command line and its stdin.
    `answers` are what each answers after its clock, which comes first; `files` is how many files it has."""

    file: Path
    command: str
    message: bytes
    answers: dict[str, bytes]
    files: int


def write_cluster(folder: Path, hosts: tuple[Host, ...], user: str, key: Path) -> Settled:
    """Writes clusters.yaml, a service and state.json: a cluster in which nothing is left to do."""
    service = folder / "api"
    service.mkdir(parents=True)
    (service / "app.toml").write_text("level = 1\n")
    (service / "compose.yaml").write_text(
        f"services:\n  web:\n    image: {_image('api')}\n"
        "    volumes: ['./app.toml:/etc/app.toml:ro']\n    environment: {LEVEL: '${LEVEL}'}\n"
    )
    file = folder / "clusters.yaml"
    file.write_text(_clusters_yaml(hosts, user, key))
    given = _settled(file, hosts)
    (home,) = given.state.clusters
    request = observe_request(given.desired, given.secrets, home, (path_of(home.generations[-1].number),))
    facts = {name: _facts(given, name) for name in given.observed.nodes}
    answers = {name: _answer(found) for name, found in facts.items()}
    seen = {name: _read_back(answers[name], facts[name], request) for name in answers}
    left = make_plan(replace(given, observed=replace(given.observed, nodes=seen)))
    assert not left.steps and not left.waiting, [step.id for step in left.steps]
    (folder / "state.json").write_bytes(write_text(snapshot_of(given.state, {})))
    return Settled(
        file=file,
        command=script_command("observe", (), deadline_s=_OBSERVE_S, places=Places(), sudo=user != "root"),
        message=observe_message(request),
        answers=answers,
        files=min(sum(seen.kind == "file" for seen in found.files) for found in facts.values()),
    )


def _image(name: str) -> str:
    """By digest, so that no registry has to be asked."""
    return f"registry.example/{name}@sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def _clusters_yaml(hosts: tuple[Host, ...], user: str, key: Path) -> str:
    nodes = "".join(
        f"      - {{name: {host.name}, host: {host.address}, private_ip: {host.address}, port: {host.port}, "
        f'user: {user}, host_key: "{host.host_key}"}}\n'
        for host in hosts
    )
    return (
        f"clusters:\n  prod:\n    provider: {{kind: ssh}}\n    ssh: {{key: {json.dumps(str(key))}, connect_timeout: 60s}}\n"
        f"    nodes:\n{nodes}    entry: {{kind: vip, address: 127.2.0.1}}\n"
        f'    caddy: {{image: "{_image("caddy")}"}}\n'
        "    services:\n      api: {compose: ./api/compose.yaml, target: 'web:8080', "
        "domains: [api.example.com], env: {LEVEL: '1'}}\n"
    )


def _settled(file: Path, hosts: tuple[Host, ...]) -> PlanningInput:
    (spec,) = load(file).clusters
    given = worlds.start(spec)
    machines = tuple(
        ProviderNode(
            provider_id=host.name,
            name=host.name,
            ordinal=ordinal,
            status="running",
            public_ip=host.address,
            private_ip=host.address,
            host_key=host.host_key,
        )
        for ordinal, host in enumerate(hosts, start=1)
    )
    # A reference by digest means itself.
    images = {
        one: ResolvedImage(reference=one, origin="registry", run=one, pull=one)
        for one in image_references(spec)
    }
    given = replace(
        given,
        state=replace(given.state, lineage=_LINEAGE),
        observed=replace(given.observed, provider_nodes=machines, images=images),
        templates=builtin_templates(),
    )
    return worlds.passes(given)[1]


def _facts(given: PlanningInput, name: str) -> NodeFacts:
    """The model's facts with what it leaves out and a real host has: folders, sizes, times, ids."""
    facts = given.observed.nodes[name]
    assert isinstance(facts, NodeFacts)
    folders = {
        str(folder)
        for seen in facts.files
        for folder in Path(seen.path).parents
        if str(folder).startswith("/opt/dynia")
    }
    kept = f"hmac:{_hex('kept')}"
    files = [
        replace(seen, size=2_000, mtime=1_767_225_600, digest=kept if seen.digest == UNKNOWN else seen.digest)
        for seen in facts.files
    ]
    files += [FileSeen(path=folder, kind="dir", mode=0o755, owner="root:root") for folder in folders]
    lineage = hashlib.sha256(_LINEAGE.encode()).hexdigest()
    files += [
        FileSeen(
            path="/opt/dynia/lineage", kind="file", mode=0o644, owner="root:root", digest=f"sha256:{lineage}"
        )
    ]
    return replace(
        facts,
        os="debian-13",
        arch="amd64",
        files=tuple(sorted(files, key=lambda seen: seen.path)),
        containers=tuple(replace(c, id=_hex(c.name), started=_STARTED) for c in facts.containers),
        images=tuple(
            sorted(
                (ImageSeen(id="sha256:" + _hex(i.id), digests=i.digests) for i in facts.images),
                key=lambda image: image.id,
            )
        ),
        networks=("edge-api",),
        addresses=tuple(sorted({*facts.addresses, "127.0.0.1"})),
        docker="26.1.5",
        compose="2.26.1",
        disk_used_percent=41,
        disk_free_mb=57_617,
    )


def _hex(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def _answer(facts: NodeFacts) -> bytes:
    """What observe.sh prints after its clock."""
    parts = [
        "\1candidates",
        *(part for p, d in facts.secrets.items() for part in (p, d.removeprefix("hmac:"), ".")),
        "\1host",
        f"{facts.hostname}\n",
        "x86_64\n",
        f"{facts.boot_id}\n",
        f"{facts.os}\n",
        f"{facts.lineage}\n",
        "",
        f"Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 100000000 41000000 59000000 {facts.disk_used_percent}% /\n",
        "".join(
            f"{at}: eth0    inet {address}/24 brd 127.2.0.255 scope global eth0\\ valid_lft forever\n"
            for at, address in enumerate(facts.addresses, start=1)
        ),
        f"{facts.vrrp}\n",
        "",
        f"{facts.manifest}\n",
        "".join(f"{route}\n" for route in facts.routes),
        "".join(f"{s.service}\n {s.node} {s.address}\n" for s in facts.servers),
        "\1files",
        *(part for seen in facts.files for part in _file(seen)),
        "",
        "\1hashes",
        *(
            f"{seen.digest.removeprefix('sha256:')}  {seen.path}"
            for seen in facts.files
            if seen.digest.startswith("sha256:")
        ),
        "",
        "\1secrets",
        *(
            part
            for seen in facts.files
            if seen.digest.startswith("hmac:")
            for part in (seen.path, seen.digest.removeprefix("hmac:"), ".")
        ),
        "",
        "\1units",
        "\n".join(
            f"Id={unit.name}\nActiveState={unit.active}\nUnitFileState={unit.enabled}\n"
            f"ActiveEnterTimestamp=@{unit.since}\n"
            for unit in facts.units
        ),
        "\1firewall",
        f"{facts.firewall}\n",
        "\1packages",
        "".join(f"{name}\t{version}\tinstalled\n" for name, version in facts.packages.items()),
        "\1docker",
        f"{facts.docker}\n",
        f"{facts.compose}\n",
        "\1containers",
        "".join(f"{_container(container)}\n" for container in facts.containers),
        "\1images",
        "".join(
            f"{image.id} {digest.partition('@')[0]} <none> {digest.partition('@')[2]}\n"
            for image in facts.images
            for digest in image.digests
        ),
        "\1networks",
        "".join(f"{name}\n" for name in facts.networks),
        "\1end",
    ]
    return "".join(f"{part}\0" for part in parts).encode()


def _file(seen: FileSeen) -> tuple[str, ...]:
    kind = {"file": "f", "dir": "d", "link": "l", "other": "p"}[seen.kind]
    return seen.path, kind, f"{seen.mode:o}", seen.owner, str(seen.size), f"{seen.mtime}.0000000000", "."


def _container(c: ContainerSeen) -> str:
    row = (c.id, f"/{c.name}", c.image, c.state, c.health, c.exit_code, c.restarts, c.started)
    return json.dumps([*row, c.project, c.service, c.config, [*c.networks, ""]])


def _read_back(answer: bytes, facts: NodeFacts, request: ObserveRequest) -> NodeFacts:
    seen = parse_observation(b"\1clock\x000\0" + answer, request, runner_ms=0)
    assert seen == facts, f"{facts.hostname}: its answer does not say what it was made from"
    return seen
