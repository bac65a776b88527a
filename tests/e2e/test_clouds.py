"""The spec's own two commands against the twins: droplets, a reserved IP, a name, and HTTPS that a client verifies."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import dns.message
import dns.query
import httpx
import pytest

from dynia.lab.places import NAMES_PORT
from dynia.providers.nodes.docker.images import caddy_image
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.operator_key import operator_key
from tests.e2e.scratch import Scratch
from tests.e2e.twin_cloud import Droplet, TwinCloud
from tests.twin.judged import rows

pytestmark = pytest.mark.lab

DOMAIN = "api.example.com"
DEFAULT_CADDY = "caddy:2.10"
CREATE = (
    "cluster",
    "create",
    "mycluster",
    "--nodes",
    "2",
    "--size",
    "s-1vcpu-1gb",
    "--region",
    "lon1",
    "--yes",
)
DEPLOY = ("deploy", "--name", "myapp", "--compose", "./myapp.yml", "--domain", DOMAIN, "--yes")
APPLIES = 5
CLAIM = "POST /v2/reserved_ips/{reserved_ip}/actions"


@pytest.fixture
def cloud(lab: Lab, twin_lab: dict[str, str]) -> Iterator[TwinCloud]:
    made = TwinCloud(lab, twin_lab)
    yield made
    made.clean()


@pytest.fixture
def beginner(lab: Lab, cloud: TwinCloud) -> Iterator[Scratch]:
    """Somebody with a compose file, an ssh key and three tokens, and nothing else."""
    made = Scratch(lab, "mycluster")
    (made.folder / "clusters.yaml").unlink()
    (made.folder / "compose.yaml").rename(made.folder / "myapp.yml")
    keys = made.folder / "home" / ".ssh"
    keys.mkdir(parents=True)
    shutil.copy(operator_key(lab), keys / "id_ed25519")
    made.variables = {**cloud.environment, "HOME": str(keys.parent), "SSH_AUTH_SOCK": ""}
    # No registry is reached here: the operator's Docker has the default image instead.
    had = made.docker("image", "ls", "--quiet", DEFAULT_CADDY).strip()
    if not had:
        made.docker("tag", caddy_image(), DEFAULT_CADDY)
    yield made
    made.dynia("cluster", "destroy", made.name, "--yes-destroy", made.name, exits=None)
    if not had:
        made.docker("rmi", DEFAULT_CADDY)
    made.remove()


def answers(environment: dict[str, str], name: str) -> list[str]:
    """As the zone's own server tells anybody."""
    host = urlsplit(environment["DYNIA_CLOUDFLARE_URL"]).hostname or ""
    got = dns.query.tcp(dns.message.make_query(name, "A"), host, port=NAMES_PORT, timeout=10)
    return sorted(rdata.to_text() for rrset in got.answer for rdata in rrset)


def names(lab: Lab) -> list[dict[str, object]]:
    """The records that there are, by the twin's database."""
    return rows(lab.folder / "twin" / "cloudflare.db", "SELECT * FROM records WHERE deleted IS NULL")


def curl(cluster: Scratch, address: str) -> tuple[str, str]:
    """Headers and body over HTTPS, chain and name verified against the twin's own authority."""
    argv = ["curl", "-s", "-S", "-m", "10", "-D", "-", "--cacert", str(cluster.folder / "ca.pem")]
    argv += ["--resolve", f"{DOMAIN}:443:{address}", f"https://{DOMAIN}/"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    head, _, body = done.stdout.replace("\r", "").partition("\n\n")
    return head.lower(), body


def test_from_nothing_to_https_on_two_droplets(lab: Lab, cloud: TwinCloud, beginner: Scratch) -> None:
    """What must be seen, 1."""
    beginner.dynia(*CREATE, timeout=900)
    state = beginner.state()
    assert state["currentCluster"] == "mycluster"
    droplets = {
        node["name"]: Droplet(cloud, int(node["providerId"]), node["hostKey"]) for node in state["nodes"]
    }
    assert len(droplets) == 2
    address = beginner.entry()
    held = cloud("GET", f"/v2/reserved_ips/{address}")["reserved_ip"]["droplet"]["name"]
    roles = {name: node.sh("cat /run/dynia/vrrp") for name, node in droplets.items()}
    assert [name for name, role in roles.items() if role == "MASTER"] == [held]

    beginner.dynia(*DEPLOY, timeout=900)
    assert answers(cloud.environment, DOMAIN) == [address]
    assert address not in {ip for node in droplets.values() for ip in (node.public, node.private)}
    records = names(lab)
    assert [(one["name"], one["content"], bool(one["proxied"])) for one in records] == [
        (DOMAIN, address, True)
    ]

    with urllib.request.urlopen(f"{cloud.environment['DYNIA_CLOUDFLARE_URL']}/twin/origin-ca.pem") as told:
        (beginner.folder / "ca.pem").write_bytes(told.read())
    seen = [curl(beginner, address) for _ in range(8)]
    assert all("version 1" in body for _, body in seen)
    assert all(re.search(r"^x-dynia-release: [0-9a-f]{8,}$", head, re.M) for head, _ in seen), seen[0][0]
    assert {name for name in droplets for _, body in seen if name in body} == set(droplets), (
        "one answers alone"
    )
    assert "nothing to do" in beginner.dynia("plan", "--detailed-exitcode").stdout

    beginner.dynia("undeploy", "myapp", "--yes", timeout=600)
    assert answers(cloud.environment, DOMAIN) == []


def faults(cloud: TwinCloud, script: dict[str, object]) -> None:
    """What goes wrong at both vendors from now on."""
    for name in ("DYNIA_DIGITALOCEAN_URL", "DYNIA_CLOUDFLARE_URL"):
        httpx.put(f"{cloud.environment[name]}/twin/faults", json=script).raise_for_status()


def tried(cluster: Scratch, *argv: str) -> int:
    """The command, then apply until it is done; how often that took. Only errors in words may come out."""
    run = cluster.dynia(*argv, exits=None, timeout=900)
    for count in range(APPLIES):
        assert "Traceback" not in run.stderr and "bug" not in run.stderr, str(run)
        if run.exit == 0:
            return count
        words = argv if not (cluster.folder / "clusters.yaml").exists() else ("apply", "--yes")
        run = cluster.dynia(*words, exits=None, timeout=900)
    assert run.exit == 0, f"not converged in {APPLIES} applies: {run}"
    return APPLIES


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_fifth_of_all_calls_fails_and_nothing_is_lost_or_made_twice(
    lab: Lab, cloud: TwinCloud, beginner: Scratch, seed: int
) -> None:
    """What must be seen, 4: the same run with faults at both vendors, judged from their databases."""
    last = cloud.rows("SELECT coalesce(max(id), 0) AS id FROM droplets")[0]["id"]
    faults(cloud, {"rate": {"share": 0.2, "seed": seed}})
    try:
        counts = tried(beginner, *CREATE), tried(beginner, *DEPLOY)
    finally:
        faults(cloud, {})
    struck = cloud.rows("SELECT count(*) AS n FROM requests WHERE fault <> ''")[0]["n"]
    print(f"seed {seed}: {counts} further applies, {struck} calls struck so far")
    made = cloud.rows("SELECT * FROM droplets WHERE id > ?", last)
    assert [one["status"] for one in made] == ["active"] * 2, "made twice, or lost"
    (address,) = cloud.rows("SELECT * FROM reserved_ips WHERE released IS NULL")
    assert address["ip"] == beginner.entry()
    assert [(one["name"], one["content"]) for one in names(lab)] == [(DOMAIN, address["ip"])]
    beginner.dynia("plan", "--detailed-exitcode")
    beginner.dynia("cluster", "destroy", "mycluster", "--yes-destroy", "mycluster", timeout=600)
    assert cloud.rows("SELECT 1 FROM droplets WHERE deleted IS NULL") == []
    assert cloud.rows("SELECT 1 FROM reserved_ips WHERE released IS NULL") == []
    assert cloud.rows("SELECT name FROM tags WHERE name LIKE 'dynia:%:ip%'") == []
    assert names(lab) == []


class Sampler:
    """The command lines of everything that runs on this machine, nodes included, while the block lasts; and what
    lies under `.dynia` of a folder in the meantime: locks, signs of life and records that are swept later."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Sampler:
        self.seen: set[bytes] = set()
        self.left: set[tuple[str, bytes]] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    self.seen.add((process / "cmdline").read_bytes())
            for path in (self._folder / ".dynia").rglob("*"):
                with contextlib.suppress(OSError):
                    if path.is_file():
                        self.left.add((f"while it ran: {path}", path.read_bytes()))


def forms(secret: str) -> list[bytes]:
    """As it is, and as it looks inside of base64 at any offset, of a URL, of JSON in JSON."""
    raw = secret.encode()
    shifted = [base64.b64encode(b"x" * n + raw)[(0, 2, 3)[n] :][: len(raw)] for n in range(3)]
    return [
        raw,
        *shifted,
        quote(secret, safe="").encode(),
        json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
    ]


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()


@pytest.mark.slow
def test_no_secret_is_anywhere_but_in_its_own_file(lab: Lab, cloud: TwinCloud, beginner: Scratch) -> None:
    """What must be seen, 8: of tokens, of a private key, and of what stands in `.env`."""
    first, second = (f"planted-{base64.b32encode(os.urandom(20)).decode()}" for _ in range(2))
    beginner.write(".env", f"DATABASE_PASSWORD={first}\n")
    with Sampler(beginner.folder) as sampler:
        beginner.dynia(*CREATE, timeout=900)
        beginner.dynia(*DEPLOY, timeout=900)
        beginner.write(".env", f"DATABASE_PASSWORD={second}\n")
        beginner.dynia("plan", "--json", "--out", "saved.plan")
        for argv in (("show", "saved.plan", "--full"), ("show", "saved.plan", "--json")):
            beginner.dynia(*argv)
        beginner.dynia("apply", "saved.plan", "--yes", "--progress", "json", timeout=600)
        for argv in (
            ("plan", "--json", "--out", "empty.plan"),
            ("plan", "--full"),
            ("apply", "saved.plan", "--yes", "--debug"),
            ("status", "--json"),
            ("drift", "--json"),
            ("cluster", "show", "--json"),
            ("service", "list", "--json"),
            ("node", "list", "--json"),
            ("render",),
        ):
            # The plan that was applied is stale now: what is said about that is looked through too.
            beginner.dynia(*argv, exits=None)
        # The nodes' own claims, slow enough to be seen.
        slow = {"call": CLAIM, "fault": {"kind": "delay", "seconds": 1.0}, "times": 0}
        faults(cloud, {"rules": [slow]})
        try:
            beginner.dynia("drill", "failover", "--yes", exits=None)
        finally:
            faults(cloud, {})
    claims = [one for one in sampler.seen if one.startswith(b"curl\0") and b"/reserved_ips/" in one]
    assert claims, "no claim was seen at work"
    droplets = [Droplet(cloud, int(n["providerId"]), n["hostKey"]) for n in beginner.state()["nodes"]]
    pem = droplets[0].sh("cat /opt/dynia/tls/cluster.pem")
    key = pem.split("PRIVATE KEY-----")[1].strip().splitlines()[1]
    own = {
        cloud.environment["DIGITALOCEAN_ACCESS_TOKEN"]: [],
        cloud.environment["CLOUDFLARE_API_TOKEN"]: [],
        cloud.environment["DYNIA_FAILOVER_TOKEN"]: ["/opt/dynia/failover/token.conf"],
        key: ["/opt/dynia/tls/cluster.pem"],
        first: [],
        second: ["/opt/dynia/services/myapp/.env"],
    }
    told = [(f"run {n}", f"{run.stdout}{run.stderr}".encode()) for n, run in enumerate(beginner.runs)]
    log = lab.folder / "twin" / "log"
    places = [
        *files(beginner.folder),
        *told,
        *(("argv", one) for one in sampler.seen),
        *sampler.left,
        ("twin", log.read_bytes()),
    ]
    assert len(sampler.seen) > 50 and len(places) > 100
    kinds = {Path(where).suffix for where, _ in sampler.left} | {Path(where).suffix for where, _ in places}
    assert {".plan", ".json", ".beat", ".env"} <= kinds | {Path(where).name for where, _ in places}, kinds
    assert any('"event"' in one.stdout or one.stdout.startswith("{") for one in beginner.runs), (
        "no events were read"
    )
    for secret, allowed in own.items():
        # The search finds what is where somebody wrote it: in the user's own file, and nowhere else.
        home = [str(beginner.folder / ".env")] if secret == second else []
        for form in forms(secret):
            found = [where for where, content in places if form in content]
            assert found == (home if form == secret.encode() else []), f"{secret[:12]}... in {found}"
        for node in droplets:
            pattern = "\n".join(form.decode() for form in forms(secret))
            argv = "grep -rlFf - /opt /etc /run /tmp /root /var/lib/dynia /var/log 2>/dev/null || :"
            where = node.sh(f"printf '%s\n' '{pattern}' | {argv}").split()
            assert where == allowed, f"{secret[:12]}... on a node"
            assert all(node.sh(f"stat -c '%a %U:%G' {path}") == "600 root:root" for path in allowed)
