"""The lab's twin as somebody sees it who knows only DigitalOcean's API, and its droplets from inside."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

import asyncssh
import httpx

from dynia.lab.bodies import container_name
from dynia.lab.twins import folder
from dynia.providers.nodes.digitalocean.user_data import user_data
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.operator_key import authorized_key, operator_key
from dynia.providers.protocols import NodeOrder
from tests.twin.judged import rows

ORDER = {"size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "lon1"}
SECONDS = 90.0


class TwinCloud:
    """`environment` is what `dynia lab up --twin` printed."""

    def __init__(self, lab: Lab, environment: dict[str, str]) -> None:
        self.lab, self.environment = lab, environment
        token = environment["DIGITALOCEAN_ACCESS_TOKEN"]
        self._client = httpx.Client(
            base_url=environment["DYNIA_DIGITALOCEAN_URL"], headers={"Authorization": f"Bearer {token}"}
        )

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        got = self._client.request(method, path, json=body)
        for _ in range(70):  # the twin's limit is a minute's, as the vendor's is
            if got.status_code != 429:
                break
            time.sleep(1)
            got = self._client.request(method, path, json=body)
        assert got.status_code < 300, (method, path, got.status_code, got.text)
        return got.json() if got.content else None

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """What the twin's database says."""
        return rows(folder(self.lab) / "digitalocean.db", sql, *values)

    def done(self, action: int) -> None:
        asked = "SELECT status FROM actions WHERE id = ?"
        until(lambda: self.rows(asked, action)[0]["status"] != "in-progress")
        assert self.rows(asked, action)[0]["status"] == "completed"

    def act(self, path: str, **body: object) -> None:
        self.done(self("POST", f"{path}/actions", body)["action"]["id"])

    def droplet(self, name: str, **more: object) -> Droplet:
        """A droplet that is up, with a host key that user-data gave it."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        order = NodeOrder(
            lineage="test",
            cluster="test",
            ordinal=1,
            name=name,
            authorized_key=authorized_key(self.lab),
            host_private_key=key.export_private_key().decode(),
            host_public_key=key.export_public_key().decode().strip(),
        )
        made = self("POST", "/v2/droplets", {**ORDER, "name": name, "user_data": user_data(order), **more})
        self.done(made["links"]["actions"][0]["id"])
        return Droplet(self, made["droplet"]["id"], order.host_public_key)

    def reserved_ip(self, droplet: Droplet) -> str:
        made = self("POST", "/v2/reserved_ips", {"droplet_id": droplet.id})
        self.done(made["links"]["actions"][0]["id"])
        return str(made["reserved_ip"]["ip"])

    def clean(self) -> None:
        """Take away whatever tests left: machines, addresses, firewalls; then this is closed."""
        for one in self("GET", "/v2/firewalls")["firewalls"]:
            self("DELETE", f"/v2/firewalls/{one['id']}")
        for one in self("GET", "/v2/reserved_ips")["reserved_ips"]:
            self._nothing_pending()
            self("DELETE", f"/v2/reserved_ips/{one['ip']}")
        for one in self("GET", "/v2/droplets?per_page=200")["droplets"]:
            self._nothing_pending()
            self("DELETE", f"/v2/droplets/{one['id']}")
        until(lambda: not self.rows("SELECT 1 FROM droplets WHERE NOT body_gone"))
        self._client.close()

    def _nothing_pending(self) -> None:
        until(lambda: not self.rows("SELECT 1 FROM actions WHERE status = 'in-progress'"))


class Droplet:
    """One of the twin's, with a container behind it."""

    def __init__(self, cloud: TwinCloud, id: int, host_key: str) -> None:
        self.cloud, self.id, self.host_key = cloud, id, host_key
        self.container = container_name(cloud.lab, id)
        networks = cloud("GET", f"/v2/droplets/{id}")["droplet"]["networks"]["v4"]
        found = {one["type"]: one["ip_address"] for one in networks}
        self.public, self.private = found["public"], found["private"]

    def sh(self, script: str, *, check: bool = True) -> str:
        """From inside, past ssh."""
        done = subprocess.run(
            ["docker", "exec", self.container, "sh", "-c", script], capture_output=True, text=True, timeout=60
        )
        assert not check or done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def begin(self, script: str) -> None:
        subprocess.run(["docker", "exec", "-d", self.container, "sh", "-c", script], check=True, timeout=60)

    def booted(self) -> None:
        up = ("running", "degraded")
        until(lambda: self.sh("systemctl is-system-running --wait", check=False) in up)

    async def ssh(self, script: str) -> str:
        """Over a connection that is pinned to the injected host key."""
        pinned = asyncssh.import_known_hosts(f"{self.public} {self.host_key}\n")
        async with asyncssh.connect(
            self.public,
            username="root",
            client_keys=[str(operator_key(self.cloud.lab))],
            known_hosts=pinned,
        ) as connection:
            done = await connection.run(script, check=True, stdin=asyncssh.DEVNULL)
            return str(done.stdout).strip()


def until(seen: Callable[[], object], seconds: float = SECONDS) -> None:
    """Return once it is so."""
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, "not so in time"
        time.sleep(0.05)
