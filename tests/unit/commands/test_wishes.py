"""What the commands wish of clusters.yaml: pure edits, and what is refused before anything is read or written."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import ApiEntry, ClusterSpec, DigitalOceanProvider, NoEntry
from dynia.interfaces.errors import Refused
from dynia.interfaces.files.yaml_edit import Drop, Put
from dynia.interfaces.requests import ApplyRequest, CreateRequest, DeployRequest, Target
from dynia.services import wishes
from tests.plans import worlds
from tests.unit.files.memory import loaded

FILE = """\
clusters:
  prod:
    provider: {kind: docker}
    nodes: {count: 3}
    services:
      api:
        compose: ./compose.yaml
        domains: [api.example.com]
        env: {TAG: "1.8"}
      jobs: {compose: ./jobs.yaml, kind: worker}
"""
COMPOSE = """\
services:
  web:
    image: {image}
    expose: ["8000"]
  side:
    image: ghcr.io/acme/side:3
"""
PATH = ("clusters", "prod", "services")
RUN = ApplyRequest(target=Target(), verb="deploy")


def prod(image: str = "ghcr.io/acme/api:1.8") -> ClusterSpec:
    compose = COMPOSE.replace("{image}", image)
    (spec,) = loaded(
        {"clusters.yaml": FILE, "compose.yaml": compose, "jobs.yaml": COMPOSE.replace("{image}", "a")}
    ).clusters
    return spec


def test_a_new_service_is_one_entry() -> None:
    request = DeployRequest(
        run=RUN, service="web", compose="x", domains=("a.de", "b.de"), target="web:1", health="/h"
    )
    assert wishes.deploy(prod(), request, "./web.yaml") == (
        Put(
            path=(*PATH, "web"),
            value={
                "compose": "./web.yaml",
                "domains": ["a.de", "b.de"],
                "target": "web:1",
                "health": {"path": "/h"},
            },
        ),
    )


def test_of_a_service_that_is_there_only_what_is_said_changes() -> None:
    request = DeployRequest(run=RUN, service="api", domains=("b.de",), health="/h")
    assert wishes.deploy(prod(), request, "") == (
        Put(path=(*PATH, "api", "domains"), value=["b.de"]),
        Put(path=(*PATH, "api", "health", "path"), value="/h"),
    )


def test_a_new_service_needs_a_compose_file_and_a_domain_and_a_slip_of_the_pen_is_seen() -> None:
    with pytest.raises(Refused, match="no service apii, and a new one needs --compose") as caught:
        wishes.deploy(prod(), DeployRequest(run=RUN, service="apii", domains=("a.de",)), "")
    assert "did you mean api?" in caught.value.hint
    with pytest.raises(Refused, match="needs --domain"):
        wishes.deploy(prod(), DeployRequest(run=RUN, service="web", compose="x"), "x")


def test_an_image_that_the_compose_file_says_is_changed_there() -> None:
    (api, jobs) = prod().services
    assert wishes.routed_container(api) == "web"
    assert wishes.image("prod", api, "web", "ghcr.io/acme/api:1.8", "ghcr.io/acme/api:1.9") == (
        True,
        Put(path=("services", "web", "image"), value="ghcr.io/acme/api:1.9"),
    )
    with pytest.raises(Refused, match="no routed container"):
        wishes.routed_container(jobs)


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ("ghcr.io/acme/api:${TAG}", "TAG", "1.9"),
        ("ghcr.io/acme/api:$TAG", "TAG", "1.9"),
        ("ghcr.io/acme/api:${TAG:-1.8}", "TAG", "1.9"),
        ("${IMAGE}", "IMAGE", "ghcr.io/acme/api:1.9"),
        ("${IMAGE?say it}", "IMAGE", "ghcr.io/acme/api:1.9"),
    ],
)
def test_an_image_that_asks_for_a_variable_is_said_in_the_services_env(
    written: str, name: str, value: str
) -> None:
    (api, _) = prod().services
    assert wishes.image("prod", api, "web", written, "ghcr.io/acme/api:1.9") == (
        False,
        Put(path=(*PATH, "api", "env", name), value=value),
    )


@pytest.mark.parametrize("written", ["ghcr.io/other/api:${TAG}", "${REPO}:${TAG}", "${A}/${A}"])
def test_an_image_that_no_one_variable_can_make_is_refused(written: str) -> None:
    (api, _) = prod().services
    with pytest.raises(Refused, match="is not that with another"):
        wishes.image("prod", api, "web", written, "ghcr.io/acme/api:1.9")


def test_an_image_that_would_not_be_the_wished_one_is_refused() -> None:
    wishes.check_image(prod("a/b:2"), "api", "web", "a/b:2")
    with pytest.raises(Refused, match="would be a/b:2 and not a/b:3"):
        wishes.check_image(prod("a/b:2"), "api", "web", "a/b:3")


def test_a_service_goes_and_one_that_is_only_applied_still_is_no_error() -> None:
    assert wishes.undeploy(prod(), "api", ()) == (Drop(path=(*PATH, "api")),)
    assert wishes.undeploy(prod(), "old", ("old",)) == ()
    with pytest.raises(Refused, match="no service apj"):
        wishes.undeploy(prod(), "apj", ())


def test_hosts_that_exist_are_not_scaled() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP6Zxu0sv5z3P0kEcSBh2y9xDBWTyhoQ0dVbBrp2hJpd"
    text = f"clusters: {{h: {{provider: {{kind: ssh}}, nodes: [{{name: a, host: 10.0.0.1, private_ip: 10.0.0.1, host_key: {key}}}]}}}}\n"
    (spec,) = loaded({"clusters.yaml": text}).clusters
    with pytest.raises(Refused, match="neither makes nor deletes"):
        wishes.scale(spec, 3)
    assert wishes.scale(prod(), 4) == (Put(path=("clusters", "prod", "nodes", "count"), value=4),)


DROPLETS = worlds.cluster(provider=DigitalOceanProvider(region="lon1"), entry=ApiEntry())


def test_a_new_cluster_of_droplets_gets_names_and_certificates_where_cloudflare_can_be_asked() -> None:
    request = CreateRequest(
        run=ApplyRequest(target=Target()),
        cluster="prod",
        nodes=2,
        provider="digitalocean",
        size="s-1vcpu-1gb",
        region="lon1",
    )
    assert not {"dns", "tls"} & set(wishes.create(request))
    with_names = wishes.create(msgspec.structs.replace(request, names=True))
    assert with_names["dns"] == {"kind": "cloudflare", "proxied": True}
    assert with_names["tls"] == {"kind": "cloudflare-origin"}


def test_a_deploy_adds_names_only_where_nobody_decided() -> None:
    def added(spec: ClusterSpec, *said: str) -> list[tuple[str, ...]]:
        return [edit.path for edit in wishes.names(spec, frozenset(said))]

    assert added(DROPLETS) == [("clusters", "prod", "dns"), ("clusters", "prod", "tls")]
    assert added(DROPLETS, "provider", "tls") == [("clusters", "prod", "dns")]
    assert added(DROPLETS, "dns") == []
    assert added(worlds.cluster()) == [], "an address of the lab is nobody's to bind in public"
    assert added(msgspec.structs.replace(DROPLETS, entry=NoEntry())) == []
