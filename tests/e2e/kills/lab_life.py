"""The life on the lab: two nodes in containers, one service that is routed and one that is not."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

from dynia.providers.nodes.docker.lab import CONTAINER, KIND
from tests.e2e.kills import knife
from tests.e2e.kills.knife import Stop
from tests.e2e.kills.life import SECONDS, Life
from tests.e2e.kills.table import LAB
from tests.e2e.remains import check_nothing_is_left, machines
from tests.e2e.scratch import COMPOSE, Scratch
from tests.e2e.twin_cloud import until

CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: docker}}
    nodes: {{count: {nodes}}}
    ssh: {{connect_timeout: 60s}}
    entry: {{kind: vip}}
    rollout: {{monitor: 1s}}
    tls: {{kind: self-signed}}
    firewall: {{ssh: [{networks}]}}
    services:
      hello:
        compose: ./compose.yaml
        domains: [{domains}]
        health: {{path: /healthz}}
        volumes: per-node
        pre_deploy: [sh, -c, 'echo "$RELEASE" >>/ran/releases']
"""
WORK = """\
      work:
        compose: ./work.yaml
        kind: worker
"""
WORK_COMPOSE = """\
services:
  work:
    image: dynia-lab/hello:1
    restart: unless-stopped
"""
HELLO = "dynia-lab/hello:1"
MANIFEST, RULES = "/var/lib/dynia/manifest.json", "/opt/dynia/firewall/dynia.nft"
FLAG, AWAY = "/opt/dynia/caddy/drain/hello", "/opt/dynia/caddy/drain/_node"
DROP_IN = "/etc/systemd/system/haproxy.service.d/dynia.conf"
PEM, LOCK = "/opt/dynia/tls/cluster.pem", "/run/dynia.lock"
# What a script does on a node that takes in the whole request before it waits for the node's lock.
WAITING = (
    "bootstrap_node", "push_component", "activate_component", "restart_component", "remove_component",
    "write_manifest", "pre_deploy",
)  # fmt: skip
# What brings about steps that no file asks for.
BY_HAND = {
    "restarted": ("restart", "hello", "--yes"),
    "away": ("node", "drain", "{node}", "--yes"),
    "back": ("node", "undrain", "{node}", "--yes"),
    "promoted": ("node", "promote", "{node}", "--yes"),
    "rebooted": ("node", "reboot", "{node}", "--yes"),
}


class LabLife(Life):
    """Its methods named like phases change the file, or do by hand what happens to nodes."""

    def __init__(self, cluster: Scratch) -> None:
        super().__init__(cluster, LAB)
        self.nodes, self.image, self.network, self.names, self.work = 2, 1, 1, 1, True
        self.victim, self.release, self.up = "", 1, ""
        self.ran: dict[str, str] = {}
        self.write()

    def write(self) -> None:
        text = CLUSTERS.format(
            name=self.cluster.name,
            nodes=self.nodes,
            # Where the runner is, and another one each time.
            networks=f"198.18.0.0/16, {self.other_network()}",
            domains=", ".join(self.domain(number + 1) for number in range(self.names)),
        )
        self.cluster.write("clusters.yaml", text + (WORK if self.work else ""))
        release = f"    environment: {{RELEASE: r-{self.release}}}\n"
        text = COMPOSE.replace(HELLO, self.hello()).replace(":ro", ':ro", "/srv/ran:/ran')
        self.cluster.write("compose.yaml", text + release)
        self.cluster.write("work.yaml", WORK_COMPOSE)

    def hello(self) -> str:
        return f"dynia-lab/hello:{self.image}"

    def other_network(self) -> str:
        return f"198.19.{self.network}.0/24"

    def domain(self, number: int) -> str:
        return f"name-{number}.example.test"

    # The phases

    def left(self) -> None:
        """A service leaves the file."""
        if not self.work:
            self.work = True
            self.write()
            self.cluster.apply()
        self.work = False
        self.write()

    def another_image(self) -> None:
        """The service gets one that no node has."""
        self.image = 3 - self.image
        for node in self.cluster.nodes():
            self.cluster.sh(node, f"docker image rm --force {self.hello()}", check=False)
        self.write()

    def another_release(self) -> None:
        """What visitors come to changes."""
        self.release += 1
        self.write()

    def restarted(self) -> None:
        """Somebody asks for that, and the file says nothing new."""
        self.ran = {node: self.containers(node) for node in self.cluster.nodes()}

    def away(self) -> None:
        """Somebody drains a node that is not."""
        self.victim = self.bystander()
        self.cluster.dynia("node", "undrain", self.victim, "--yes")

    def back(self) -> None:
        """Somebody lets visitors in again where they are kept away."""
        self.victim = self.bystander()
        self.cluster.dynia("node", "drain", self.victim, "--yes")

    def promoted(self) -> None:
        """Somebody gives the reserved IP to the other node."""
        self.victim = self.bystander()

    def entrance(self) -> None:
        """Somebody edits what HAProxy is started by, where visitors come in."""
        self.cluster.sh(self.cluster.holder(), f"echo '# by hand' >>{DROP_IN}")

    def rebooted(self) -> None:
        """Somebody has a node boot again."""
        self.victim = self.bystander()
        self.up = self.up_since(self.victim)

    def firewall(self) -> None:
        self.network += 1
        self.write()

    def in_place(self) -> None:
        """A push that was done and not recorded."""
        self.firewall()
        assert self.kill("push_component", "done") is not None

    def unloaded(self) -> None:
        """Files are right, and what they say is not so."""
        self.cluster.sh(self.bystander(), "nft delete table inet dynia")

    def manifest(self) -> None:
        self.cluster.sh(self.bystander(), f"rm {MANIFEST}")

    def another_name(self) -> None:
        """One that the certificate is not for."""
        self.names += 1
        self.write()

    def off(self) -> None:
        self.cluster.docker("kill", self.cluster.nodes()[self.bystander()])

    def gone(self) -> None:
        """A machine is taken away, and what it had stays behind."""
        self.victim = self.cluster.nodes()[self.bystander()]
        self.cluster.docker("rm", "--force", self.victim)

    def unwanted(self) -> None:
        """A create was begun, nothing came of it, and nobody wants it any more."""
        self.nodes = 3
        self.write()
        assert self.kill("provision_node", "begun") is not None
        self.nodes = 2
        self.write()

    def bystander(self) -> str:
        """A node that has not the reserved IP."""
        having = f" {self.cluster.entry()}/"
        return next(n for n in self.cluster.nodes() if having not in self.cluster.sh(n, "ip -4 -o addr"))

    # The kill

    def killed(self) -> tuple[str, ...]:
        return tuple(word.format(node=self.victim) for word in BY_HAND.get(self.phase, self.argv()))

    def settle(self) -> None:
        """What somebody asked for is no apply's to take away: a drain outlives it, and then it is ended."""
        if self.phase in ("away", "back") and self.born:
            before = self.true_on(self.victim, f"test -s {AWAY}")
            self.cluster.apply()
            assert self.true_on(self.victim, f"test -s {AWAY}") is before
            self.cluster.dynia("node", "undrain", self.victim, "--yes")
        super().settle()

    def attempt(self, kind: str, point: str) -> tuple[int, Stop | None]:
        return self.late(kind) if point == "during" and kind in WAITING else super().attempt(kind, point)

    def late(self, kind: str) -> tuple[int, Stop | None]:
        """The node has the whole request and waits for its lock; the runner is killed; then the node does it."""
        told = self.cluster.folder / "stopped.json"
        process = self.cluster.begin(*self.killed(), variables=knife.variables(kind, "begun", 0.0, told))
        try:
            stop = knife.wait_for_stop(process, told, SECONDS)
            if stop is None:
                return process.returncode, None
            with self.busy(stop.step.split("/")[0]) as waited_for:
                os.kill(process.pid, signal.SIGCONT)
                until(lambda: process.poll() is not None or waited_for())
                self.check_deed(kind, "begun", stop.step)
                knife.kill(process)
        finally:
            if process.poll() is None:
                knife.kill(process)
        until(lambda: self.is_done(kind, stop.step))
        return process.returncode, stop

    @contextlib.contextmanager
    def busy(self, node: str) -> Iterator[Callable[[], bool]]:
        """Its lock is held; what is given tells whether somebody waits for it there."""
        mine = f"flock {LOCK} sh -c 'echo $$ >/run/kills.pid; exec sleep 120'"
        self.cluster.docker("exec", "--detach", self.cluster.nodes()[node], "sh", "-c", mine)
        until(lambda: self.true_on(node, f"test -s /run/kills.pid && ! flock --nonblock {LOCK} true"))
        try:
            yield lambda: self.true_on(node, "ps -C flock -o args= | grep -q -- ' -w '")
        finally:
            self.cluster.sh(node, "kill $(cat /run/kills.pid); rm /run/kills.pid")

    # What is so, past dynia

    def is_done(self, kind: str, step: str) -> bool | None:
        node = step.split("/")[0]
        match kind:
            case "allocate_reserved_ip":
                return bool(self.addresses())
            case "release_reserved_ip":
                return not self.addresses()
            case "bootstrap_node":
                return self.true_on(node, "test -s /opt/dynia/lineage")
            case "remove_component":
                return self.true_on(node, "! docker ps --all --format '{{.Names}}' | grep -q '^dynia-work-'")
            case "provide_image":
                return self.true_on(node, f"docker image ls --quiet {self.hello()} | grep -q .")
            case "pre_deploy":
                return self.true_on(node, f"grep -qx r-{self.release} /srv/ran/releases")
            case "push_component":
                return self.true_on(node, f"grep -qF {self.other_network()} {RULES}")
            case "activate_component":
                return self.true_on(node, "nft list table inet dynia >/dev/null 2>&1")
            case "restart_component":
                return self.containers(node) not in ("", self.ran[node])
            case "drain_node":
                return self.true_on(node, f"test -s {AWAY}")
            case "undrain_node":
                return self.true_on(node, f"! test -e {AWAY}")
            case "hand_over":
                # By hand a node takes it over; before its own turn one gives it away.
                holder = self.cluster.holder()
                return holder == node if step.endswith("/promote") else holder not in ("", node)
            case "reboot_node":
                return self.up_since(node) != self.up
            case "drain":
                return self.true_on(node, f"test -s {FLAG}")
            case "undrain":
                return self.true_on(node, f"! test -e {FLAG}")
            case "write_manifest":
                return self.true_on(node, f"test -s {MANIFEST}")
            case "obtain_certificate":
                look = (
                    f"openssl x509 -in {PEM} -noout -ext subjectAltName | grep -qF {self.domain(self.names)}"
                )
                return any(self.true_on(one, look) for one in self.cluster.nodes())
            case "start_node":
                template = "{{.State.Running}}"
                told = self.cluster.docker("inspect", "--format", template, self.cluster.nodes()[node])
                return told.strip() == "true"
            case "forget_node":
                return not self.volumes(f"label={CONTAINER}={self.victim}")
            case "delete_node":
                return node not in self.cluster.nodes()
        return None

    def true_on(self, node: str, question: str) -> bool:
        return self.cluster.sh(node, f"if {question}; then echo yes; fi").strip() == "yes"

    def up_since(self, node: str) -> str:
        """By the word of the machine that it runs on."""
        return self.cluster.docker("inspect", "--format", "{{.State.StartedAt}}", self.cluster.nodes()[node])

    def containers(self, node: str) -> str:
        """Those of the routed service, by their ids."""
        return self.cluster.sh(node, "docker ps --quiet --no-trunc --filter name=dynia-hello-")

    def addresses(self) -> list[str]:
        return self.volumes(f"label={KIND}=reserved-ip")

    def volumes(self, *filters: str) -> list[str]:
        more = [part for one in filters for part in ("--filter", one)]
        return self.cluster.docker("volume", "ls", "--quiet", *self.cluster.mine(), *more).split()

    def check_twins(self) -> None:
        found = machines(self.cluster)
        ordinals, names = {one[0] for one in found}, {one[1] for one in found}
        assert len(ordinals) == len(names) == len(found), found
        assert len(self.addresses()) <= 1, self.addresses()

    def check_whole(self) -> None:
        services = ("hello", "work") if self.work else ("hello",)
        check_nothing_is_left(self.cluster, nodes=2, services=services)

    def check_gone(self) -> None:
        assert machines(self.cluster) == []
        assert self.volumes() == []
        state = self.cluster.state()
        assert [one for one in state["nodes"] if one["cluster"] == self.cluster.name] == []
        assert state["intents"] == []
