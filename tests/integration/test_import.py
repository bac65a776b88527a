"""`dynia import` as a whole process, against a simulated DigitalOcean and a registry on this machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dynia.twin.digitalocean.server import DigitalOceanTwin
from tests.integration.test_saved_plans import DYNIA
from tests.twin.judged import TOKEN, rows, twin_in_a_thread

FILE = """\
clusters:
  prod:
    provider: {{kind: digitalocean, region: lon1}}
    nodes: {{count: 1, size: s-2vcpu-4gb}}
    ssh: {{key: ./id, connect_timeout: 1s}}
    entry: {{kind: api}}
    caddy: {{image: "127.0.0.1:{port}/caddy:1"}}
    services:
      api: {{compose: ./compose.yaml, default: true}}
"""


class Place:
    """A folder, and an account in which somebody worked by hand."""

    def __init__(self, folder: Path, twin: DigitalOceanTwin, database: Path) -> None:
        self.folder, self.twin, self.database = folder, twin, database
        port = (folder / "compose.yaml").read_text().split("127.0.0.1:")[1].split("/")[0]
        (folder / "clusters.yaml").write_text(FILE.format(port=port))
        self.key = (folder / "id.pub").read_text().strip()

    def api(self, path: str, **body: object) -> dict[str, dict[str, object]]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        made: dict[str, dict[str, object]] = httpx.post(
            f"{self.twin.url}{path}", json=body, headers=headers
        ).json()
        return made

    def dynia(self, *argv: str) -> tuple[int, str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DYNIA_", "COLUMNS"))}
        ours = {"DIGITALOCEAN_ACCESS_TOKEN": TOKEN, "DYNIA_DIGITALOCEAN_URL": self.twin.url, "NO_COLOR": "1"}
        done = subprocess.run(
            [str(DYNIA), *argv],
            cwd=self.folder,
            env={**kept, **ours},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert TOKEN not in done.stdout + done.stderr and "Traceback" not in done.stderr
        return done.returncode, done.stdout, " ".join(done.stderr.split())

    def marks(self) -> list[str]:
        return [one["name"] for one in rows(self.database, "SELECT name FROM tags ORDER BY name")]


@pytest.fixture
def place(folder: Path) -> Iterator[Place]:
    database = folder / "twin.db"
    with twin_in_a_thread(database) as twin:
        yield Place(folder, twin, database)


def test_an_address_of_the_account_becomes_the_entry(place: Place) -> None:
    ip = str(place.api("/v2/reserved_ips", region="lon1")["reserved_ip"]["ip"])
    code, out, told = place.dynia("import", "reserved-ip", ip, "--cluster", "prod")
    assert (code, place.marks()) == (1, [])
    assert out.splitlines()[0] == f"reserved IP {ip} becomes the entry of prod."
    assert f"say `dynia import reserved-ip {ip} --yes --cluster prod`" in told
    code, out, told = place.dynia("import", "reserved-ip", ip, "--cluster", "prod", "--yes")
    assert code == 0, told
    assert f"reserved IP {ip} is the entry of prod now." in out
    assert "+ node" in out and "+ reserved IP" not in out, "the plan that follows"
    state = json.loads(place.dynia("state", "pull")[1])
    assert state["clusters"][0]["reservedIp"] == {"address": ip, "providerId": ip}
    assert place.marks() == [f"dynia:{state['lineage']}:prod:ip:{ip.replace('.', '-')}"]
    code, out, _ = place.dynia("import", "reserved-ip", ip, "--cluster", "prod", "--yes")
    assert code == 0 and f"{ip} is the reserved IP of prod already: nothing was changed." in out
    for path in place.folder.rglob("*"):
        assert not path.is_file() or path == place.database or TOKEN.encode() not in path.read_bytes()


def test_a_droplet_that_is_not_reached_with_the_key_that_was_said_stays_as_it_is(place: Place) -> None:
    droplet = place.api(
        "/v2/droplets", name="web-old", size="s-1vcpu-1gb", image="debian-13-x64", region="lon1"
    )
    number = str(droplet["droplet"]["id"])
    headers = {"Authorization": f"Bearer {TOKEN}"}
    while "active" not in httpx.get(f"{place.twin.url}/v2/droplets/{number}", headers=headers).text:
        pass
    code, _, told = place.dynia("import", "web-old", "--cluster", "prod", "--yes")
    assert code == 1 and "nobody vouches for the host key of web-old" in told
    code, _, told = place.dynia("import", number, "--host-key", place.key, "--cluster", "prod", "--yes")
    assert code == 4 and "was not reached" in told
    for nonsense in ("ssh-ed25519 AAAA", "\u00e4", "ssh-ed25519"):
        code, _, told = place.dynia("import", number, "--host-key", nonsense, "--cluster", "prod", "--yes")
        assert code == 1 and "that is no public host key" in told
    assert place.marks() == []


@pytest.mark.parametrize("words", [("a", "b"), ("reserved-ip", "a", "b"), ()])
def test_what_cannot_be_meant_is_a_usage_error(place: Place, words: tuple[str, ...]) -> None:
    code, out, told = place.dynia("import", *words)
    assert (code, out) == (1, "") and "--help" in told
