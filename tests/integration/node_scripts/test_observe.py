"""What observe.sh sees on a real file system, and that nothing on it can stop or fool it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from dynia.interfaces.node_requests import ObserveRequest, SecretCandidate
from dynia.providers.ssh import messages
from dynia.providers.ssh.observation import parse_observation
from dynia.services.actions.reboot_node import BOOT
from dynia.services.planning.components.haproxy import servers_of
from dynia.services.planning.simulate import rendered_for
from tests.fakes.certificates import authority
from tests.integration.node_scripts.machine import Machine
from tests.plans import worlds
from tests.plans.worlds import TEMPLATES


def test_hostile_names_kinds_modes_and_times_are_seen_as_they_are(machine: Machine) -> None:
    odd = "haproxy/a b\n\x01end\x1b[2J.cfg"
    machine.write(odd, "odd", 0o4751)
    os.utime(machine.path(odd), (1_600_000_000, 1_600_000_000))
    Path(machine.path("haproxy/link")).symlink_to("/etc/shadow")
    os.mkfifo(machine.path("haproxy/fifo"))
    Path(machine.path("haproxy/foreign")).touch()
    os.chown(machine.path("haproxy/foreign"), 12345, 12345)
    files = machine.files()
    seen = files["haproxy/a b\\x0a\\x01end\\x1b[2J.cfg"]
    assert (seen.mode, seen.size, seen.mtime, seen.owner) == (0o4751, 3, 1_600_000_000, "root:root")
    assert (files["haproxy/link"].kind, files["haproxy/link"].digest) == ("link", "")
    assert files["haproxy/fifo"].kind == "other"
    assert files["haproxy/foreign"].owner == "12345:12345"
    assert len(files) == 11


def test_what_is_not_there_is_not_listed_and_no_error(machine: Machine) -> None:
    request = ObserveRequest(
        roots=(machine.path("haproxy/errors"), machine.path("nowhere")),
        paths=(machine.path("haproxy/kept"), machine.path("neither")),
    )
    facts = machine.observe(request)
    assert [f.path.removeprefix(machine.path("")) for f in facts.files] == [
        "haproxy/errors",
        "haproxy/errors/503.http",
        "haproxy/kept",
    ]
    assert facts.truncated == ("docker: no answer",)


def test_a_secret_is_told_by_a_keyed_hash_only(machine: Machine) -> None:
    machine.write("haproxy/tls.pem", "hunter2", 0o600)
    machine.write("haproxy/it's $HOME.pem", "hunter2", 0o600)
    paths = (machine.path("haproxy/tls.pem"), machine.path("haproxy/it's $HOME.pem"))
    request = ObserveRequest(
        roots=(machine.places.opt,),
        secret_paths=paths,
        candidates=(
            SecretCandidate(path=paths[0], content=b"hunter2"),
            SecretCandidate(path=paths[1], content=b"\x00\xff" * 50_000),
        ),
    )
    raw = machine.run("observe", (), messages.observe_message(request))
    facts = parse_observation(raw, request, runner_ms=0)
    digests = {f.path: f.digest for f in facts.files}
    assert digests[paths[0]] == digests[paths[1]] == facts.secrets[paths[0]]
    assert facts.secrets[paths[1]] != facts.secrets[paths[0]]
    assert b"f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7" not in raw
    again = machine.observe(request)
    assert again.secrets == facts.secrets


def test_two_nodes_have_different_keys(machine: Machine, tmp_path: Path) -> None:
    other = Machine(tmp_path / "other")
    other.root.mkdir()
    other.bootstrap()
    candidate = SecretCandidate(path="/opt/x", content=b"hunter2")
    request = ObserveRequest(roots=("/opt/x",), candidates=(candidate,))
    assert machine.observe(request).secrets != other.observe(request).secrets


def test_a_node_that_was_not_bootstrapped_tells_no_keyed_hash(tmp_path: Path) -> None:
    fresh = Machine(tmp_path)
    candidate = SecretCandidate(path="/opt/x", content=b"hunter2")
    facts = fresh.observe(ObserveRequest(roots=("/opt/x",), candidates=(candidate,)))
    assert (facts.secrets, facts.lineage, facts.files) == ({}, "", ())


def test_observing_changes_nothing(machine: Machine) -> None:
    def snapshot() -> dict[str, tuple[int, int]]:
        return {
            str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in machine.root.rglob("*")
        }

    before = snapshot()
    machine.observe()
    assert snapshot() == before


def stand_in(folder: Path, text: str, name: str = "docker") -> Path:
    folder.mkdir()
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return folder


def test_a_docker_that_is_down_fails_nothing_else(machine: Machine, tmp_path: Path) -> None:
    """Its unit says so; one that hangs is another matter (`test_hanging_docker`)."""
    tools = stand_in(tmp_path / "tools", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    request = ObserveRequest(roots=(machine.places.opt,))
    raw = machine.run_with(tools, "observe", (), messages.observe_message(request))
    facts = parse_observation(raw, request, runner_ms=0)
    assert (facts.docker, facts.containers, facts.truncated) == ("", (), ("docker: no answer",))
    assert "haproxy/kept" in {f.path.removeprefix(machine.path("")) for f in facts.files}


def test_the_machine_tells_what_it_is(machine: Machine) -> None:
    facts = machine.observe()
    assert facts.hostname == os.uname().nodename
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    first = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    assert facts.boot_id == f"{boot}/{first}"
    told = subprocess.run(BOOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == facts.boot_id
    assert facts.arch in {"amd64", "arm64"}
    assert 0 < facts.disk_used_percent <= 100
    assert abs(facts.clock_skew_ms) < 60_000


RULES = "table inet dynia {\n\tchain prerouting {\n\t\tdrop\n\t}\n}\n"
NFT = """case $* in
  'list tables inet') [ ! -s {0} ] || echo 'table inet dynia'; echo 'table inet dynia2' ;;
  '-s list table inet dynia') cat {0} ;;
  *) exit 1 ;;
esac"""


@pytest.mark.parametrize(
    ("now", "told"),
    [(RULES, "loaded"), (RULES.replace("drop", "accept"), "changed"), ("", "gone")],
)
def test_the_firewall_is_told_as_loaded_changed_or_gone(
    machine: Machine, tmp_path: Path, now: str, told: str
) -> None:
    rules = tmp_path / "rules"
    rules.write_text(RULES)
    tools = stand_in(tmp_path / "tools", NFT.format(rules), "nft")
    remember = TEMPLATES.joinpath("firewall/loaded.sh.mustache").read_text()
    remember = remember.replace("/run/dynia", f"{machine.places.run}/dynia")
    path = {"PATH": f"{tools}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", remember], env=path, check=True)
    rules.write_text(now)
    assert firewall(machine, tools) == told


@pytest.mark.parametrize("text", ["exit 1", "exec sleep 600", NFT.format("/etc/hostname")])
def test_a_firewall_that_nobody_knows_about_is_not_judged(
    machine: Machine, tmp_path: Path, text: str
) -> None:
    assert firewall(machine, stand_in(tmp_path / "tools", text, "nft")) == ""


def firewall(machine: Machine, tools: Path) -> str:
    request = ObserveRequest(roots=(machine.places.opt,))
    raw = machine.run_with(tools, "observe", (), messages.observe_message(request))
    return parse_observation(raw, request, runner_ms=0).firewall


def test_of_a_certificate_file_only_the_public_parts_leave_the_node(machine: Machine) -> None:
    """Whatever the order of the blocks, and with one that is broken: no line of a key is in the answer."""
    pair, other = authority().sign("a.example.com", "*.b.example.com"), authority().sign("c.example.com")
    broken = pair.chain.replace("-----END CERTIFICATE-----\n", "")
    contents = {
        "good": f"# dynia self-signed\n{pair.chain}{pair.key}",
        "key-first": pair.key + pair.chain,
        "other-key": pair.chain + other.key,
        "broken": broken + pair.key,
        "no-key": pair.chain,
    }
    for name, content in contents.items():
        machine.write(f"tls/{name}.pem", content, 0o600)
    paths = tuple(machine.path(f"tls/{name}.pem") for name in contents)
    request = ObserveRequest(roots=(machine.places.opt,), secret_paths=paths, certificates=paths)
    raw = machine.run("observe", (), messages.observe_message(request))
    secret = [line for key in (pair.key, other.key) for line in key.splitlines() if "-----" not in line]
    assert secret and not [line for line in secret if line.encode() in raw]
    seen = parse_observation(raw, request, runner_ms=0).certificates
    found = {name: seen.get(machine.path(f"tls/{name}.pem")) for name in contents}
    good = found["good"]
    assert good is not None and good.fits and good.origin == "self-signed"
    assert good.names == ("*.b.example.com", "a.example.com")
    assert found["key-first"] == msgspec.structs.replace(good, origin="")
    assert {name: one.fits for name, one in found.items() if one} == {
        "good": True,
        "key-first": True,
        "other-key": False,
        "no-key": False,
    }
    assert found["broken"] is None


def test_the_nodes_that_haproxy_sends_to_are_told(machine: Machine) -> None:
    """From the file that nodes get. One that somebody wrote another way tells none."""
    assert machine.observe().servers == ()
    given = worlds.settled(worlds.cluster(3, (worlds.service(), worlds.service("web"), worlds.worker())))
    wanted = rendered_for(msgspec.structs.replace(given, templates=worlds.templates()))
    assert wanted is not None
    recipe = wanted.recipes[worlds.node_named(given, 1)]["haproxy"]
    machine.write("haproxy/haproxy.cfg", recipe.release.files[0].content.decode())
    named = servers_of(wanted.topology)
    assert len(named) == 6 and machine.observe().servers == named
    machine.write("haproxy/haproxy.cfg", "backend service-api\n    server web-1 web-1.internal:80\n")
    assert machine.observe().servers == ()


def test_the_containers_that_caddy_leads_to_are_told(machine: Machine) -> None:
    """From the template that nodes get; a node without a Caddyfile, or with another one, tells none."""
    assert machine.observe().routes == ()
    text = (TEMPLATES / "caddy/Caddyfile.mustache").read_text()
    assert "header_down X-Dynia-Release {{release}}" in text
    machine.write("caddy/Caddyfile", text.replace("{{release}}", "0123456789abcdef"))
    assert machine.observe().routes == ("0123456789abcdef",)
    machine.write("caddy/Caddyfile", "respond hello\n")
    assert machine.observe().routes == ()
