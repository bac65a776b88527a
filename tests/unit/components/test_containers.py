"""What of a service's containers is right, and what has to be brought back or removed."""

from __future__ import annotations

import json

import msgspec
import pytest

from dynia.interfaces.desired import Service, ShippedFile
from dynia.interfaces.observed import ContainerSeen, NodeFacts, ResolvedImage, UnitSeen
from dynia.services.planning.components import components
from dynia.services.planning.components.base import Component, Fault, Topology
from dynia.services.planning.components.compose_override import container_hashes, override, upstream
from tests.unit.components.clusters import cluster, container, topology, web_service, worker

replace = msgspec.structs.replace


def hashes(service: Service, **fields: object) -> dict[str, str]:
    whole = topology(cluster(services=(service,)), **fields)
    return container_hashes(whole, service)


def different(service: Service, other: Service) -> set[str]:
    before, after = hashes(service), hashes(other)
    return {name for name in before if before[name] != after[name]}


def test_a_changed_file_touches_only_the_container_that_mounts_it() -> None:
    api = web_service()
    file = api.files[0]
    assert different(api, replace(api, files=(replace(file, content=b"a = 2\n"),))) == {"web"}
    assert different(api, replace(api, files=(replace(file, mode=0o600),))) == {"web"}


def test_a_secret_file_is_in_no_hash() -> None:
    """A short one could be guessed from it. (Compose and the node see that it changed.)"""
    api = web_service()
    api = replace(api, files=(replace(api.files[0], secret=True),))
    assert different(api, replace(api, files=(replace(api.files[0], content=b"other"),))) == set()
    assert different(api, replace(api, files=(replace(api.files[0], mode=0o600),))) == {"web"}


def test_a_container_whose_dotenv_compose_does_not_compare_says_the_nodes_own_hash_of_it() -> None:
    api = web_service()
    plain = overridden(api)["services"]["web"]["labels"]  # type: ignore[index]
    told = replace(api, containers=(replace(api.containers[0], unseen_dotenv=True), *api.containers[1:]))
    labels = overridden(told)["services"]["web"]["labels"]  # type: ignore[index]
    assert labels == {**plain, "dev.dynia.dotenv": "${DYNIA_DOTENV:-}"}


def test_a_file_that_nobody_mounts_touches_no_container() -> None:
    api = web_service()
    more = ShippedFile(path="notes", mode=0o644, content=b"x", source="notes")
    assert different(api, replace(api, files=(*api.files, more))) == set()


def test_a_changed_setting_touches_only_its_container() -> None:
    api = web_service()
    cache = container("cache", "cache:1", own={"image": "cache:1", "command": "other"})
    assert different(api, replace(api, containers=(api.containers[0], cache))) == {"cache"}


def test_a_moved_tag_touches_only_the_containers_of_that_image() -> None:
    api = web_service()
    moved = ResolvedImage(reference="hello:1", origin="operator", run="sha256:" + "2" * 64)
    before, after = hashes(api), hashes(api, images={"hello:1": moved})
    assert {name for name in before if before[name] != after[name]} == {"web"}


def test_the_name_that_caddy_proxies_to_changes_with_the_routed_container_and_only_with_it() -> None:
    api = web_service()
    other = replace(api, files=(replace(api.files[0], content=b"a = 2\n"),))
    beside = replace(api, containers=(api.containers[0], container("cache", "cache:2")))
    assert upstream(api, hashes(api)) != upstream(other, hashes(other))
    assert upstream(api, hashes(api)) == upstream(beside, hashes(beside))
    assert upstream(api, hashes(api)) == f"api-{hashes(api)['web'][:8]}:8000"


def overridden(service: Service) -> dict[str, dict[str, object]]:
    whole = topology(cluster(services=(service,)))
    found: dict[str, dict[str, object]] = json.loads(
        override(whole, service, container_hashes(whole, service))
    )
    return found


def test_only_the_routed_container_joins_the_edge_and_keeps_its_own_networks() -> None:
    services = overridden(web_service())["services"]
    assert set(services["web"]["networks"]) == {"default", "dynia-edge"}  # type: ignore[index, arg-type]
    assert "networks" not in services["cache"]  # type: ignore[operator]
    named = web_service(containers=(container("web", "hello:1", networks=("inside",)),))
    assert set(overridden(named)["services"]["web"]["networks"]) == {"dynia-edge"}  # type: ignore[index, arg-type]


@pytest.mark.parametrize(
    ("own", "one_shot", "expected"),
    [
        ({}, False, "unless-stopped"),
        ({"restart": "always"}, False, None),
        ({"deploy": {"restart_policy": {"condition": "none"}}}, False, None),
        ({"deploy": None}, False, "unless-stopped"),
        ({}, True, None),
    ],
)
def test_a_container_comes_back_after_a_reboot_unless_its_file_decides(
    own: dict[str, object], one_shot: bool, expected: str | None
) -> None:
    one = container("web", "hello:1", own={"image": "hello:1", **own}, one_shot=one_shot)
    service = overridden(web_service(containers=(one,)))["services"]["web"]
    assert service.get("restart") == expected  # type: ignore[attr-defined]


def test_logs_rotate_unless_the_file_says_otherwise() -> None:
    own = container("web", "hello:1", sets_logging=True)
    assert "logging" not in overridden(web_service(containers=(own,)))["services"]["web"]  # type: ignore[operator]
    assert "logging" in overridden(web_service())["services"]["web"]  # type: ignore[operator]


def test_what_a_worker_is_given_names_no_network() -> None:
    assert "networks" not in overridden(worker())


# Faults


def catalogue(whole: Topology) -> dict[str, Component]:
    return {one.name: one for one in components(whole.spec)}


def healthy_node(whole: Topology) -> NodeFacts:
    """Everything that the cluster wants on a node."""
    found = [
        ContainerSeen(
            id="caddy",
            name="dynia-caddy",
            image="i",
            state="running",
            project="dynia-caddy",
            service="caddy",
            config=catalogue(whole)["caddy"].recipe(whole, whole.nodes[0]).release.containers["caddy"],
            networks=("dynia-caddy", "edge-api"),
        )
    ]
    for service in whole.spec.services:
        for name, config in container_hashes(whole, service).items():
            found.append(
                ContainerSeen(
                    id=name,
                    name=f"dynia-{service.name}-{name}-1",
                    image="i",
                    state="running",
                    project=f"dynia-{service.name}",
                    service=name,
                    config=config,
                    networks=("default", f"edge-{service.name}"),
                )
            )
    units = ("docker.service", "dynia-firewall.service", "haproxy.service", "keepalived.service")
    return NodeFacts(
        hostname="n",
        boot_id="b",
        os="debian-13",
        arch="x86_64",
        containers=tuple(found),
        networks=tuple(f"edge-{service.name}" for service in whole.spec.services),
        units=tuple(UnitSeen(name=name, active="active", enabled="enabled") for name in units),
    )


def faults(whole: Topology, seen: NodeFacts) -> dict[str, tuple[Fault, ...]]:
    node = whole.nodes[0]
    told = {}
    for name, component in catalogue(whole).items():
        wrong = component.faults(whole, node, component.recipe(whole, node), seen)
        if wrong:
            told[name] = wrong
    return told


WHOLE = topology(cluster())
GOOD = healthy_node(WHOLE)


def with_container(name: str, **fields: object) -> NodeFacts:
    changed = tuple(replace(c, **fields) if c.name == name else c for c in GOOD.containers)
    return replace(GOOD, containers=changed)


def test_a_node_where_all_is_as_wanted_has_no_fault() -> None:
    assert faults(WHOLE, GOOD) == {}


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"state": "exited", "exit_code": 0}, "has stopped (exit code 0)"),
        ({"state": "exited", "exit_code": 3}, "has stopped (exit code 3)"),
        ({"state": "paused"}, "is paused"),
        ({"state": "restarting"}, "is restarting"),
        ({"config": "other"}, "runs another configuration"),
        ({"config": ""}, "was not made by Dynia"),
    ],
)
def test_a_container_that_is_not_as_wanted_is_told(fields: dict[str, object], detail: str) -> None:
    wrong = faults(WHOLE, with_container("dynia-api-web-1", **fields))
    assert wrong == {"service/api": (Fault(kind="container", subject="dynia-api-web-1", detail=detail),)}


def test_a_container_that_is_gone_is_told() -> None:
    seen = replace(GOOD, containers=tuple(c for c in GOOD.containers if c.service != "cache"))
    assert faults(WHOLE, seen) == {
        "service/api": (Fault(kind="container", subject="dynia-api-cache", detail="is gone"),)
    }


def test_an_unhealthy_container_is_no_fault_of_the_release() -> None:
    assert faults(WHOLE, with_container("dynia-api-web-1", health="unhealthy")) == {}


def test_an_extra_container_in_the_project_is_unknown() -> None:
    extra = ContainerSeen(
        id="x", name="stray", image="i", state="running", project="dynia-api", service="old", config="c"
    )
    twin = replace(GOOD.containers[1], id="twin", name="twin", config="old")
    (orphan,) = faults(WHOLE, replace(GOOD, containers=(*GOOD.containers, extra)))["service/api"]
    assert (orphan.subject, orphan.detail.split()[0]) == ("stray", "unknown")
    (second,) = faults(WHOLE, replace(GOOD, containers=(*GOOD.containers, twin)))["service/api"]
    assert (second.subject, second.detail.split()[0]) == ("twin", "unknown")


def test_foreign_containers_are_nobodys_fault() -> None:
    foreign = ContainerSeen(id="f", name="foreign", image="i", state="exited", project="", service="")
    assert faults(WHOLE, replace(GOOD, containers=(*GOOD.containers, foreign))) == {}


def test_a_missing_connection_is_told_on_both_sides() -> None:
    assert list(faults(WHOLE, with_container("dynia-caddy", networks=("dynia-caddy",)))) == ["caddy"]
    assert list(faults(WHOLE, with_container("dynia-api-web-1", networks=("default",)))) == ["service/api"]


def test_caddy_is_not_blamed_for_a_network_that_comes_with_a_new_service() -> None:
    grown = topology(cluster(services=(web_service(), web_service("site"))))
    assert list(faults(grown, GOOD)) == ["service/site"]


def test_a_one_shot_container_may_have_ended_well() -> None:
    service = web_service(
        containers=(container("web", "hello:1"), container("cache", "cache:1", one_shot=True))
    )
    whole = topology(cluster(services=(service,)))
    good = healthy_node(whole)

    def ended(code: int) -> NodeFacts:
        changed = (
            replace(c, state="exited", exit_code=code) if c.service == "cache" else c for c in good.containers
        )
        return replace(good, containers=tuple(changed))

    assert faults(whole, ended(0)) == {}
    assert list(faults(whole, ended(1))) == ["service/api"]


@pytest.mark.parametrize(
    ("active", "enabled", "detail"),
    [
        ("inactive", "disabled", "stopped and disabled"),
        ("active", "disabled", "disabled"),
        ("failed", "enabled", "failed"),
        ("", "", "is not there"),
    ],
)
def test_a_unit_must_run_and_be_enabled(active: str, enabled: str, detail: str) -> None:
    units = tuple(
        replace(u, active=active, enabled=enabled) if u.name == "keepalived.service" else u
        for u in GOOD.units
    )
    assert faults(WHOLE, replace(GOOD, units=units)) == {
        "keepalived": (Fault(kind="unit", subject="keepalived.service", detail=detail),)
    }


@pytest.mark.parametrize(("told", "detail"), [("gone", "is gone"), ("changed", "was edited")])
def test_a_firewall_table_that_is_not_as_loaded_is_told_once(told: str, detail: str) -> None:
    seen = replace(GOOD, firewall=told)
    assert faults(WHOLE, seen) == {
        "firewall": (Fault(kind="firewall", subject="table inet dynia", detail=detail),)
    }
    units = tuple(
        replace(u, active="inactive") if u.name == "dynia-firewall.service" else u for u in GOOD.units
    )
    (stopped,) = faults(WHOLE, replace(seen, units=units))["firewall"]
    assert (stopped.kind, stopped.detail) == ("unit", "stopped")


@pytest.mark.parametrize("told", ["", "loaded"])
def test_a_firewall_that_is_as_loaded_or_unknown_is_no_fault(told: str) -> None:
    assert faults(WHOLE, replace(GOOD, firewall=told)) == {}
