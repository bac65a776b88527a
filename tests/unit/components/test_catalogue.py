"""The catalogue: which components a cluster has, what is looked at, what a change disturbs, how they go."""

from __future__ import annotations

import json
import subprocess

import pytest

from dynia.interfaces.desired import (
    EnvSource,
    Firewall,
    Health,
    NoEntry,
    Registry,
    SshProvider,
)
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.templates import builtin_templates
from dynia.providers.nodes.docker.images import caddy_image
from dynia.services.planning.components import (
    EVERYTHING,
    components,
    default_caddy_image,
    drop_in_paths,
    image_references,
    packages,
    removal,
    roots,
    secret_files,
    secret_paths,
)
from dynia.services.planning.components.template_catalogue import CATALOGUE
from dynia.services.planning.render import recipes
from tests.unit.components.clusters import cluster, topology, two_hosts, web_service, worker


def names(**fields: object) -> list[str]:
    return [component.name for component in components(cluster(**fields))]


def test_components_come_in_deploy_order() -> None:
    spec = two_hosts()
    assert [component.name for component in components(spec)] == [
        "node",
        "docker",
        "registry",
        "firewall",
        "service/api",
        "service/mailer",
        "service/site",
        "caddy",
        "haproxy",
        "keepalived",
    ]


def test_a_component_is_there_only_if_the_file_asks_for_it() -> None:
    assert "keepalived" not in names(entry=NoEntry())
    assert "registry" not in names()
    assert "firewall" not in names(firewall=Firewall(enabled=False))


def test_every_builtin_template_is_in_the_catalogue_and_fits_it() -> None:
    assert {f"{name}.mustache" for name in CATALOGUE} == set(builtin_templates())


def test_everything_written_is_observed_and_removed_with_its_component() -> None:
    whole = topology(two_hosts())
    for name, recipe in recipes(whole)[whole.nodes[0].name].items():
        for file in recipe.release.files:
            assert file.path in drop_in_paths() or file.path.startswith(tuple(f"{r}/" for r in roots()))
            gone = removal(name).paths
            assert any(file.path == path or file.path.startswith(f"{path}/") for path in gone), file.path
            assert any(file.path == path or file.path.startswith(f"{path}/") for path in EVERYTHING)


@pytest.mark.parametrize(
    "name", ["service/api", "caddy", "haproxy", "keepalived", "firewall", "node", "docker"]
)
def test_removal_scripts_are_sh(name: str) -> None:
    script = removal(name).deactivate
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_restart_is_an_activation_that_spares_no_container() -> None:
    whole = topology(two_hosts())
    recipe = recipes(whole)[whole.nodes[0].name]["service/api"]
    up = "up -d --no-build --pull never"
    assert recipe.activate.count(f"{up} --remove-orphans") == 1
    assert recipe.restart != recipe.activate
    assert recipe.restart.replace(f"{up} --force-recreate", up) == recipe.activate


def test_images_of_the_services_and_caddy_are_asked_for() -> None:
    assert image_references(cluster()) == ("cache:1", "dynia-lab/caddy:2.11.7", "hello:1")
    assert "caddy:2.10" in image_references(cluster(provider=SshProvider()))
    assert "mine:1" in image_references(cluster(caddy_image="mine:1"))


def test_packages_cover_what_the_scripts_call() -> None:
    assert set(packages(cluster())) >= {
        "haproxy",
        "keepalived",
        "nftables",
        "docker.io",
        "curl",
        "iputils-ping",
    }
    assert packages(None) == ()


LOGIN = Registry(host="ghcr.io", user="acme", password=EnvSource(env="T"))
HUB = Registry(host="docker.io", user="me", password=EnvSource(env="H"))


def test_logins_are_a_secret_file_that_docker_reads() -> None:
    spec = cluster(registries=(LOGIN, HUB), services=())
    made = secret_files(spec, {"ghcr.io": ("acme", "s3cret"), "docker.io": ("me", "pw")})
    auths = json.loads(made["/opt/dynia/registry/config.json"])["auths"]
    assert set(auths) == {"ghcr.io", "https://index.docker.io/v1/"}
    assert auths["ghcr.io"]["auth"] == "YWNtZTpzM2NyZXQ="


def test_without_one_of_the_passwords_the_file_is_compared_at_apply() -> None:
    spec = cluster(registries=(LOGIN, HUB))
    assert "/opt/dynia/registry/config.json" not in secret_files(spec, {"ghcr.io": ("acme", "x")})
    assert "/opt/dynia/registry/config.json" in secret_paths(spec, None)


def test_secret_files_and_secret_paths_agree() -> None:
    spec = cluster(services=(web_service(dotenv=b"A=1\n"), worker()))
    assert {*secret_files(spec, {})} < {*secret_paths(spec, None)}


def test_what_a_change_disturbs() -> None:
    spec = cluster(services=(web_service("api"), web_service("site")))
    by_name = {component.name: component for component in components(spec)}
    both = ("api", "site")
    drop_in = "/etc/systemd/system/haproxy.service.d/dynia.conf"
    assert by_name["haproxy"].disturbs(("/opt/dynia/haproxy/haproxy.cfg",), both) == ()
    assert by_name["haproxy"].disturbs((drop_in,), both) == both
    assert by_name["caddy"].disturbs(("/opt/dynia/caddy/Caddyfile",), both) == ()
    assert (
        by_name["caddy"].disturbs(("/opt/dynia/caddy/Caddyfile", "/opt/dynia/caddy/compose.yaml"), both)
        == both
    )
    assert by_name["caddy"].disturbs((), both) == both
    assert by_name["service/api"].disturbs(("/opt/dynia/services/api/override.yaml",), both) == ("api",)
    assert by_name["firewall"].disturbs(("/opt/dynia/firewall/dynia.nft",), both) == ()


def test_a_health_path_that_a_config_cannot_carry_is_refused() -> None:
    whole = topology(cluster(services=(web_service(health=Health(path='/a "b')),)))
    with pytest.raises(DyniaError, match="health path"):
        recipes(whole)


def test_the_gate_asks_for_the_release_that_only_the_new_container_has() -> None:
    whole = topology(cluster(services=(web_service(), worker())))
    by_name = {component.name: component for component in components(whole.spec)}
    node = whole.nodes[1]
    recipe = by_name["service/api"].recipe(whole, node)
    gate = by_name["service/api"].gate(whole, node, recipe)
    assert gate is not None
    assert (gate.node, gate.path, gate.host) == (node.name, "/healthz", "api.example.com")
    assert gate.header == recipe.release.containers["web"]
    caddyfile = by_name["caddy"].recipe(whole, node).release.files[0].content.decode()
    assert f"X-Dynia-Release {gate.header}" in caddyfile
    quiet = by_name["service/mailer"].gate(whole, node, by_name["service/mailer"].recipe(whole, node))
    assert quiet is not None
    assert (quiet.path, quiet.host, quiet.header) == ("", "", "")


def test_the_default_image_of_the_lab_is_the_one_that_the_lab_makes() -> None:
    assert default_caddy_image(cluster()) == caddy_image()
