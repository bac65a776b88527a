"""What a rehearsal runs instead of the real thing, and that it says so."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from dynia.interfaces.clusters_file import load
from dynia.interfaces.desired import (
    ApiEntry,
    CloudflareDns,
    ClusterSpec,
    DigitalOceanProvider,
    DockerProvider,
    EnvSource,
    Firewall,
    NoDns,
    NoEntry,
    Rfc2136Dns,
    SelfSignedTls,
    SshProvider,
    VariableSource,
    VipEntry,
)
from dynia.services.planning.components import default_caddy_image
from dynia.services.planning.components.compose_override import container_hashes, override
from dynia.services.rehearsed import STAND_IN_VARIABLE, rehearsed
from tests.plans import worlds
from tests.unit.components.clusters import topology

EXAMPLE = Path(__file__).parents[3] / "clusters.example.yaml"
CADDY = "dynia-lab/caddy:2"


def example(name: str) -> ClusterSpec:
    return next(c for c in load(EXAMPLE, version="2.0").clusters if c.name == name)


def said(spec: ClusterSpec, **more: frozenset[str]) -> tuple[ClusterSpec, list[str]]:
    made, told = rehearsed(spec, images=more.get("images", frozenset()), stand_in=CADDY, key="/lab/key")
    return made, [one.what for one in told]


def test_hosts_that_exist_are_nodes_of_the_lab_and_nobody_reaches_them() -> None:
    made, told = said(example("prod"))
    assert (made.provider, made.nodes, made.hosts) == (DockerProvider(), 2, ())
    assert (made.ssh.key, made.ssh.jump, made.ssh.user) == ("/lab/key", "", "root")
    assert made.entry == VipEntry()
    assert (made.registries, made.caddy_image, made.firewall.ssh) == ((), CADDY, ())
    # the zone stays the file's: it is served by the twin
    text = msgspec.json.encode(msgspec.structs.replace(made, templates={}, services=(), dns=NoDns())).decode()
    assert "10.20.0" not in text and "example.com" not in text
    for what in ("provider ssh", "registries", "caddy.image caddy:2.10", "firewall.ssh 203.0.113.0/24"):
        assert what in told


def test_no_source_of_a_secret_is_asked() -> None:
    made, told = said(example("prod"))
    secrets = [secret for service in made.services for secret in service.secrets]
    assert {secret.source for secret in secrets} == {VariableSource(env=STAND_IN_VARIABLE)}
    assert "secrets of mailer" in told


def test_an_image_that_is_there_is_used_and_every_other_has_a_stand_in() -> None:
    spec = example("prod")
    have = frozenset({"redis:7"})
    made, told = said(spec, images=have)
    containers = {f"{s.name}/{c.name}": c for s in made.services for c in s.containers}
    assert containers["api/cache"].image == "redis:7" and not containers["api/cache"].stand_in
    web = containers["api/web"]
    assert web.image == CADDY
    assert web.stand_in[1:4] == ("respond", "--listen", ":8080")
    assert containers["api/migrate"].stand_in == ("/usr/bin/caddy", "version")
    assert "image redis:7" not in told and any(w.startswith("image ghcr.io/acme/api") for w in told)


def test_a_stand_in_runs_instead_of_what_the_file_says_and_changes_no_file_of_the_user() -> None:
    spec = example("prod")
    made, _ = said(spec)
    before = next(s for s in spec.services if s.name == "api")
    after = next(s for s in made.services if s.name == "api")
    assert (after.compose, after.dotenv, after.files) == (before.compose, before.dotenv, before.files)
    world = topology(made)
    ours = json.loads(override(world, after, container_hashes(world, after)))["services"]["web"]
    assert ours["image"] == CADDY and ours["entrypoint"] == ["/usr/bin/caddy"]
    assert ours["healthcheck"]["test"] == ["CMD", "/usr/bin/caddy", "version"]
    real = topology(spec)
    own = json.loads(override(real, before, container_hashes(real, before)))["services"]["web"]
    assert not {"entrypoint", "command", "healthcheck"} & set(own)


def test_name_servers_and_certificates_are_the_twins() -> None:
    dns = Rfc2136Dns(zone="example.com", server="192.0.2.1", key="k", secret=EnvSource(env="KEY"), cname=True)
    made, told = said(worlds.cluster(dns=dns))
    assert made.dns == CloudflareDns(zone="example.com", cname=True)
    assert "the name server 192.0.2.1" in told


def test_droplets_need_neither_the_network_nor_the_witness_that_the_file_names() -> None:
    made, told = said(example("cloud"))
    assert isinstance(made.provider, DigitalOceanProvider) and made.provider.vpc == ""
    assert made.entry == ApiEntry()
    assert "DigitalOcean" in told and "entry.witness 10.106.0.1" in told


def test_what_the_lab_has_stays_as_it_is() -> None:
    spec = worlds.cluster(services=(), nodes=3, firewall=Firewall(), tls=SelfSignedTls())
    made, told = said(spec, images=frozenset((default_caddy_image(spec),)))
    assert told == []
    assert made == msgspec.structs.replace(spec, ssh=made.ssh, caddy_image=made.caddy_image)


def test_hosts_without_an_entry_have_none_in_the_rehearsal() -> None:
    spec = worlds.cluster(provider=SshProvider(), entry=NoEntry())
    assert said(spec)[0].entry == NoEntry()


def test_nothing_is_run_before_a_release() -> None:
    """It may need what is outside, and would act on it."""
    made, told = said(example("staging"))
    assert all(service.pre_deploy is None for service in made.services)
    assert "pre_deploy of api" in told
