"""The life at the twins of DigitalOcean and Cloudflare: one droplet, a reserved IP, two names, and somebody else's droplet.

The nodes have no token to claim the address with, so that it is moved by applies alone.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from dynia.lab.bodies import container_name
from dynia.providers.nodes.docker.images import caddy_image
from dynia.providers.nodes.docker.lab import KIND
from dynia.providers.nodes.docker.operator_key import operator_key
from tests.e2e.kills import knife
from tests.e2e.kills.knife import Stop
from tests.e2e.kills.life import SECONDS, Life
from tests.e2e.kills.table import CLOUD
from tests.e2e.scratch import Scratch
from tests.e2e.twin_cloud import ORDER, TwinCloud, until
from tests.twin.judged import rows

ZONE = "example.com"
FIRST, SECOND, WRONG = (f"{name}.{ZONE}" for name in ("first", "second", "wrong"))
CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: digitalocean, region: lon1}}
    nodes: {{count: 1, size: s-1vcpu-2gb}}
    ssh: {{key: {key}, connect_timeout: 60s}}
    entry: {{kind: api}}
    dns: {{kind: cloudflare, zone: {zone}, cname: true}}
    caddy: {{image: "{caddy}"}}
    services:
      hello:
        compose: ./compose.yaml
        domains: [{first}, {second}]
        health: {{path: /healthz}}
"""
ACT = "POST /v2/reserved_ips/{reserved_ip}/actions"
RECORDS = "/client/v4/zones/{zone_id}/dns_records"
# Of each kind the call that is its deed, and whose it is.
CALLS = {
    "provision_node": ("digitalocean", "POST /v2/droplets"),
    "start_node": ("digitalocean", "POST /v2/droplets/{droplet_id}/actions"),
    "delete_node": ("digitalocean", "DELETE /v2/droplets/{droplet_id}"),
    "allocate_reserved_ip": ("digitalocean", "POST /v2/reserved_ips"),
    "attach_reserved_ip": ("digitalocean", ACT),
    "detach_reserved_ip": ("digitalocean", ACT),
    "release_reserved_ip": ("digitalocean", "DELETE /v2/reserved_ips/{reserved_ip}"),
    "bind_dns": ("cloudflare", f"POST {RECORDS}"),
    "unbind_dns": ("cloudflare", f"DELETE {RECORDS}/{{dns_record_id}}"),
}
ALIVE = """
SELECT droplets.id AS id, status, name FROM droplets JOIN droplet_tags ON droplet = droplets.id
WHERE tag = ? AND deleted IS NULL
"""


class CloudLife(Life):
    """Its methods named like phases do by hand what happens at the vendors."""

    def __init__(self, cluster: Scratch, cloud: TwinCloud) -> None:
        super().__init__(cluster, CLOUD)
        self.cloud, self.strays, self.address = cloud, set[str](), ""
        cluster.variables = {k: v for k, v in cloud.environment.items() if k != "DYNIA_FAILOVER_TOKEN"}
        text = CLUSTERS.format(
            name=cluster.name,
            key=operator_key(cluster.lab),
            caddy=caddy_image(),
            zone=ZONE,
            first=FIRST,
            second=SECOND,
        )
        cluster.write("clusters.yaml", text)
        foreign = cloud("POST", "/v2/droplets", {**ORDER, "name": "foreign"})
        cloud.done(foreign["links"]["actions"][0]["id"])
        self.foreign = int(foreign["droplet"]["id"])
        self.cloudflare = httpx.Client(
            base_url=f"{cloud.environment['DYNIA_CLOUDFLARE_URL']}/client/v4",
            headers={"Authorization": f"Bearer {cloud.environment['CLOUDFLARE_API_TOKEN']}"},
        )

    def close(self) -> None:
        """Nothing is held back any more."""
        for vendor in ("digitalocean", "cloudflare"):
            self.hold(vendor)
        self.cloudflare.close()

    # The phases

    def loose(self) -> None:
        """Somebody takes the address off its droplet."""
        self.settled()
        if self.addresses()[self.cluster.entry()] is not None:
            self.cloud.act(f"/v2/reserved_ips/{self.cluster.entry()}", type="unassign")

    def unnamed(self) -> None:
        """Somebody removes a record of ours."""
        for one in self.records():
            if one["name"] == SECOND:
                self.dns("DELETE", f"/{one['id']}")

    def misnamed(self) -> None:
        """A record of ours that no service wants: its removal was lost once."""
        wrong = {"type": "A", "name": WRONG, "content": self.cluster.entry()}
        if WRONG not in self.names():
            self.dns("POST", "", {**wrong, "comment": self.mark})

    def stray(self) -> None:
        """A reserved IP that carries our mark and is not the entry; it is on somebody else's droplet."""
        self.settled()
        made = self.cloud("POST", "/v2/reserved_ips", {"droplet_id": self.foreign})
        self.cloud.done(made["links"]["actions"][0]["id"])
        address = str(made["reserved_ip"]["ip"])
        self.strays.add(address)
        self.cloud("POST", "/v2/tags", {"name": self.address_tag(address)})

    def off(self) -> None:
        self.settled()
        (one,) = self.alive()
        self.cloud.act(f"/v2/droplets/{one['id']}", type="power_off")

    # The kill

    def attempt(self, kind: str, point: str) -> tuple[int, Stop | None]:
        self.settled()
        return self.held(kind) if point == "during" else super().attempt(kind, point)

    def held(self, kind: str) -> tuple[int, Stop | None]:
        """The vendor has the call and holds it back; the runner is killed; then the call lands."""
        vendor, call = CALLS[kind]
        last = self.table(vendor, "SELECT coalesce(max(id), 0) AS id FROM requests")[0]["id"]
        asked = "SELECT status FROM requests WHERE operation = ? AND id > ?"
        self.hold(vendor, call)
        process = self.cluster.begin(*self.argv())
        stop = None
        try:
            until(lambda: process.poll() is not None or self.table(vendor, asked, call, last), SECONDS)
            if process.poll() is None:
                stop = self.begun(kind)
                self.check_deed(kind, "begun", stop.step)
                knife.kill(process)
        finally:
            self.hold(vendor)
            if process.poll() is None:
                knife.kill(process)
        until(lambda: all(one["status"] for one in self.table(vendor, asked, call, last)))
        return process.returncode, stop

    def begun(self, kind: str) -> Stop:
        """The last record that such a step was begun: it is there while its call is under way."""
        journal = self.cluster.folder / ".dynia" / "journal" / self.cluster.name
        found = [
            (str(path), json.loads(path.read_text())["record"]) for path in sorted(journal.glob("*.json"))
        ]
        begun = [
            Stop(record=path, step=one["step"], quick=False)
            for path, one in found
            if one["kind"] == "begin" and one["action"]["type"] == kind
        ]
        assert begun, f"the vendor was asked, and no {kind} was begun"
        return begun[-1]

    def hold(self, vendor: str, *calls: str) -> None:
        """The vendor holds these calls back; what it held before goes on."""
        rules = [{"call": call, "fault": {"kind": "hold", "when": "before"}, "times": 0} for call in calls]
        url = self.cloud.environment[f"DYNIA_{vendor.upper()}_URL"]
        httpx.put(f"{url}/twin/faults", json={"rules": rules}).raise_for_status()

    def settled(self) -> None:
        """No event of the vendor's is under way."""
        until(lambda: not self.cloud.rows("SELECT 1 FROM actions WHERE status = 'in-progress'"))

    # What is so, by the vendors' own databases

    def is_done(self, kind: str, step: str) -> bool | None:
        subject = step.split("/")[-2]
        match kind:
            case "provision_node" | "start_node":
                return [one["status"] for one in self.alive()] == ["active"]
            case "delete_node":
                return not self.alive()
            case "allocate_reserved_ip":
                return bool(self.addresses())
            case "attach_reserved_ip":
                return self.addresses() == {self.address: self.alive()[0]["id"]}
            case "detach_reserved_ip":
                return self.addresses().get(subject) is None
            case "release_reserved_ip":
                return (self.address if subject == "reserved-ip" else subject) not in self.addresses()
            case "bind_dns":
                return subject in self.names()
            case "unbind_dns":
                return subject not in self.names()
        return None

    @property
    def lineage(self) -> str:
        return str(self.cluster.state()["lineage"])

    @property
    def tag(self) -> str:
        return f"dynia:{self.lineage}:{self.cluster.name}"

    @property
    def mark(self) -> str:
        return f"dynia lineage={self.lineage} cluster={self.cluster.name}"

    def alive(self) -> list[dict[str, Any]]:
        return self.cloud.rows(ALIVE, self.tag)

    def addresses(self) -> dict[str, int | None]:
        """Every reserved IP of the account, and the droplet that has it: nobody else has any."""
        listed = self.cloud.rows("SELECT ip, droplet FROM reserved_ips WHERE released IS NULL")
        return {str(one["ip"]): one["droplet"] for one in listed}

    def tags(self) -> list[str]:
        """Those about addresses."""
        listed = self.cloud.rows("SELECT name FROM tags WHERE name LIKE ?", f"{self.tag}:ip%")
        return [str(one["name"]) for one in listed]

    def address_tag(self, address: str) -> str:
        return f"{self.tag}:ip:{address.replace('.', '-')}"

    def records(self) -> list[dict[str, Any]]:
        asked = "SELECT id, type, name, content FROM records WHERE deleted IS NULL AND comment = ?"
        return self.table("cloudflare", asked, self.mark)

    def names(self) -> list[str]:
        return sorted(str(one["name"]) for one in self.records())

    def table(self, vendor: str, sql: str, *values: object) -> list[dict[str, Any]]:
        return rows(self.cluster.lab.folder / "twin" / f"{vendor}.db", sql, *values)

    def dns(self, method: str, path: str, body: object = None) -> None:
        (zone,) = self.table("cloudflare", "SELECT id FROM zones WHERE name = ?", ZONE)
        got = self.cloudflare.request(method, f"/zones/{zone['id']}/dns_records{path}", json=body)
        assert got.status_code == 200, got.text

    def check_twins(self) -> None:
        asked = """
            SELECT tag FROM droplet_tags JOIN droplets ON droplets.id = droplet
            WHERE deleted IS NULL AND tag GLOB ?
        """
        ordinals = [one["tag"].split(":")[3] for one in self.cloud.rows(asked, f"{self.tag}:[0-9]*")]
        assert len(set(ordinals)) == len(ordinals) <= 1, ordinals
        assert len(self.addresses().keys() - self.strays) <= 1, self.addresses()
        assert len(set(self.names())) == len(self.names()), self.records()

    def check_whole(self) -> None:
        self.settled()
        (node,) = (one for one in self.cluster.state()["nodes"] if one["cluster"] == self.cluster.name)
        (droplet,) = self.alive()
        assert (str(droplet["id"]), droplet["status"]) == (node["providerId"], "active")
        self.address = self.cluster.entry()
        assert self.addresses() == {self.address: droplet["id"]}
        # The mark of an address that is gone goes with the next release.
        gone = {self.address_tag(one) for one in self.strays - self.addresses().keys()}
        assert set(self.tags()) - gone == {self.address_tag(self.address)}
        found = [(one["type"], one["name"], one["content"]) for one in self.records()]
        assert sorted(found) == [("A", FIRST, self.address), ("CNAME", SECOND, FIRST)]
        assert self.cluster.state()["intents"] == []
        self.check_machines(self.foreign, droplet["id"])

    def check_gone(self) -> None:
        self.settled()
        assert (self.alive(), self.addresses(), self.tags(), self.records()) == ([], {}, [], [])
        assert self.cluster.state()["intents"] == []
        self.check_machines(self.foreign)

    def check_machines(self, *droplets: int) -> None:
        """Behind the account are just these, and they run: somebody else's stays."""
        until(
            lambda: not self.cloud.rows("SELECT 1 FROM droplets WHERE deleted IS NOT NULL AND NOT body_gone")
        )
        lab = self.cluster.lab
        filters = ("--filter", lab.mark, "--filter", f"label={KIND}=droplet")
        there = self.cluster.docker("ps", *filters, "--format", "{{.Names}}").split()
        assert sorted(there) == sorted(container_name(lab, one) for one in droplets)
