"""What a good clusters.yaml comes to: defaults, paths, sharing."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces import desired
from dynia.interfaces.clusters_file import load, read
from dynia.interfaces.durations import seconds, written
from dynia.interfaces.errors import BadInput, DyniaError
from dynia.interfaces.find_file import find_file
from tests.examples import examples
from tests.unit.files.memory import CLUSTERS, loaded, looking_at

COMPOSE = "services: {web: {image: a, expose: ['80']}}\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP6Zxu0sv5z3P0kEcSBh2y9xDBWTyhoQ0dVbBrp2hJpd"


def cluster(more: str, name: str = "prod") -> desired.ClusterSpec:
    text = CLUSTERS.replace("EXTRA", "kind: http").replace("    services:", f"{more}    services:")
    found = loaded({"clusters.yaml": text, "compose.yaml": COMPOSE}, home="/home/me")
    return next(each for each in found.clusters if each.name == name)


def test_the_smallest_file_has_the_defaults_of_an_operator() -> None:
    spec = cluster("")
    assert spec.entry == desired.VipEntry()
    assert spec.rollout == desired.Rollout(max_unavailable=1, canary=True, health_timeout=60.0)
    assert spec.firewall == desired.Firewall(enabled=True, ssh=(), http=())
    assert spec.ssh == desired.Ssh(user="root", port=22, connect_timeout=10.0)
    assert spec.services[0].health == desired.Health(path="/", interval=0.2, timeout=0.15)


@settings(max_examples=examples(60), deadline=None)
@given(nodes=st.integers(1, 200), percent=st.integers(1, 99))
def test_a_part_of_the_nodes_is_rounded_down_and_never_none_nor_all(nodes: int, percent: int) -> None:
    text = CLUSTERS.replace("EXTRA", "kind: http").replace("count: 3", f"count: {nodes}")
    text = text.replace("    services:", f"    rollout: {{max_unavailable: {percent}%}}\n    services:")
    found = loaded({"clusters.yaml": text, "compose.yaml": COMPOSE}, home="/home/me").clusters[0]
    down = found.rollout.max_unavailable
    assert found.nodes == nodes
    assert down == 1 or 100 * down <= percent * nodes < 100 * (down + 1)
    assert down < nodes or nodes == 1


def test_where_a_cluster_is_protected_is_known() -> None:
    line = CLUSTERS[: CLUSTERS.index("    services:")].count("\n") + 1
    assert cluster("    protect: true\n").protect == f"clusters.yaml:{line}:14"
    assert cluster("    protect: false\n").protect == cluster("").protect == ""


def test_hosts_take_user_and_port_from_ssh_and_have_no_entry_unless_said() -> None:
    text = f"""\
clusters:
  prod:
    provider: {{kind: ssh, known_hosts: kh}}
    ssh: {{user: admin, port: 2222, key: ~/.ssh/id, jump: me@bastion}}
    nodes:
      - {{name: a, host: h1, private_ip: 10.0.0.1}}
      - {{name: b, host: h2, private_ip: 10.0.0.2, user: root, port: 22, host_key: "{KEY} root@b"}}
"""
    spec = loaded({"clusters.yaml": text}, home="/home/me").clusters[0]
    assert spec.provider == desired.SshProvider(known_hosts="/w/kh")
    assert spec.hosts == (
        desired.SshHost(name="a", host="h1", private_ip="10.0.0.1", user="admin", port=2222),
        desired.SshHost(name="b", host="h2", private_ip="10.0.0.2", user="root", port=22, host_key=KEY),
    )
    assert (spec.nodes, spec.entry, spec.ssh.key) == (2, desired.NoEntry(), "/home/me/.ssh/id")


@pytest.mark.parametrize(
    ("said", "interval", "timeout"),
    [("{}", 0.2, 0.15), ("{interval: 1s}", 1.0, 0.75), ("{interval: 10s}", 10.0, 2.0), ("{timeout: 3s}", 4.0, 3.0),
     ("{timeout: 50ms}", 0.2, 0.05), ("{interval: 1m, timeout: 59s}", 60.0, 59.0)],
)  # fmt: skip
def test_the_time_that_is_left_out_follows_the_other(said: str, interval: float, timeout: float) -> None:
    text = CLUSTERS.replace("EXTRA", f"health: {said}").replace(
        "    services", "    rollout: {health_timeout: 2m}\n    services"
    )
    health = loaded({"clusters.yaml": text, "compose.yaml": COMPOSE}).clusters[0].services[0].health
    assert (health.interval, health.timeout) == (interval, timeout)


def test_a_cluster_of_one_node_may_have_it_unavailable() -> None:
    text = CLUSTERS.replace("EXTRA", "kind: http").replace("count: 3", "count: 1")
    assert loaded({"clusters.yaml": text, "compose.yaml": COMPOSE}).clusters[0].rollout.max_unavailable == 1


def test_clusters_share_by_anchors_and_differ_where_they_say() -> None:
    text = """\
x-base: &base
  provider: {kind: docker}
  nodes: {count: 3}
  services: {api: {compose: ./compose.yaml, default: true}}
clusters:
  a: *base
  b: {<<: *base, nodes: {count: 5}}
"""
    found = loaded({"clusters.yaml": text, "compose.yaml": COMPOSE})
    assert [(each.name, each.nodes) for each in found.clusters] == [("a", 3), ("b", 5)]


def test_a_mistake_that_an_anchor_brings_in_twice_is_said_once() -> None:
    text = "x: 1\nclusters:\n  a: &a {provider: {kind: docker}, nodes: {count: 0}}\n  b: *a\n"
    with pytest.raises(BadInput) as caught:
        loaded({"clusters.yaml": text})
    assert [(each.line, each.rule) for each in caught.value.mistakes] == [
        (1, "unknown-key"),
        (3, "bad-count"),
    ]


@pytest.mark.parametrize(
    ("version", "fine"), [("2.0.0.dev0", True), ("2.0", True), ("2.1", True), ("1.9.9", False)]
)
def test_an_older_dynia_refuses_the_file(version: str, fine: bool) -> None:
    files = {
        "clusters.yaml": 'requires: ">=2.0"\n' + CLUSTERS.replace("EXTRA", "kind: http"),
        "compose.yaml": COMPOSE,
    }
    if fine:
        loaded(dict(files), version=version)
    else:
        with pytest.raises(BadInput, match=r"needs Dynia >=2\.0, this is 1\.9\.9"):
            loaded(dict(files), version=version)


def test_templates_replace_built_in_ones_by_path() -> None:
    text = CLUSTERS.replace("EXTRA", "kind: http").replace("    services", "    templates: ./t\n    services")
    files = {
        "/w/clusters.yaml": text,
        "/w/compose.yaml": COMPOSE,
        "/w/t/keepalived/notify.sh.mustache": "mine",
    }
    known = ("keepalived/notify.sh.mustache", "haproxy/haproxy.cfg.mustache")
    found = read("clusters.yaml", "/w", looking_at(dict(files)), templates=known)
    assert found.clusters[0].templates == {"keepalived/notify.sh.mustache": "mine"}


def test_the_same_files_give_the_same_value() -> None:
    files = {"clusters.yaml": CLUSTERS.replace("EXTRA", "kind: http"), "compose.yaml": COMPOSE}
    assert loaded(dict(files)) == loaded(dict(files))


def test_durations() -> None:
    assert [seconds(text) for text in ("200ms", "30s", "2m", "1h30m", "1.5s")] == [0.2, 30, 120, 5400, 1.5]
    assert [written(number) for number in (0.2, 90.0, 1.5)] == ["200ms", "90s", "1.5s"]


@pytest.mark.parametrize(("said", "term"), [("5s", 5.0), ("1h", 3600.0), ("90s", 90.0), ("5000ms", 5.0)])
@pytest.mark.parametrize("kind", ["file", "git"])
def test_a_lease_may_be_from_five_seconds_to_an_hour(kind: str, said: str, term: float) -> None:
    state = f"state: {{kind: {kind}, lease: {said}}}\n"
    files = {"clusters.yaml": state + CLUSTERS.replace("EXTRA", "kind: http"), "compose.yaml": COMPOSE}
    assert loaded(files).lease == term


def test_without_a_word_a_lease_is_half_a_minute_and_of_a_shared_state_two_minutes() -> None:
    clusters = CLUSTERS.replace("EXTRA", "kind: http")
    for state, term in (("", 30.0), ("state: {kind: file}\n", 30.0), ("state: {kind: git}\n", 120.0)):
        assert loaded({"clusters.yaml": state + clusters, "compose.yaml": COMPOSE}).lease == term


def test_the_file_is_the_named_one_then_the_environments_then_the_nearest_above(
    tmp_path: pathlib.Path,
) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "clusters.yaml").touch()
    assert find_file(None, {}, deep) == pathlib.Path("../../clusters.yaml")
    (deep / "clusters.yaml").touch()
    assert find_file(None, {}, deep) == pathlib.Path("clusters.yaml")
    assert find_file(None, {"DYNIA_FILE": "/x/y.yaml"}, deep) == pathlib.Path("/x/y.yaml")
    assert find_file("z.yaml", {"DYNIA_FILE": "/x/y.yaml"}, deep) == pathlib.Path("z.yaml")


def test_no_file_anywhere_says_what_to_do(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DyniaError) as caught:
        find_file(None, {}, tmp_path)
    assert "-f" in caught.value.hint


def test_paths_start_at_the_file_and_messages_name_them_as_it_was_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "p" / "api").mkdir(parents=True)
    (tmp_path / "p" / "clusters.yaml").write_text(
        CLUSTERS.replace("EXTRA", "kind: http").replace("./compose", "./api/compose")
    )
    (tmp_path / "p" / "api" / "compose.yaml").write_text("services: {web: {imag: a}}\n")
    with pytest.raises(BadInput) as caught:
        load(tmp_path / "p" / "clusters.yaml", templates=(), version="2.0")
    assert {each.file for each in caught.value.mistakes if "compose" in each.file} == {
        str(tmp_path / "p" / "api" / "compose.yaml")
    }


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("{kind: docker}", "{kind: dokcer}", "did you mean docker?"),
        ("{count: 3}", "{cuont: 3, count: 1}", "did you mean count?"),
        ("{count: 3}", "{zzz: 3, count: 1}", "known: count, size"),
        ("    services", "    entry: none\n    services", "write {kind: none}"),
        ("    services", "    entry: 5\n    services", "write {kind: ...}"),
        ("    services", "    firewall: {ssh: 10.0.0.0/8}\n    services", "write [10.0.0.0/8]"),
        (
            "    services",
            "    rollout: {canary: yes}\n    services",
            "in YAML 1.2 that is a word; write true",
        ),
        ("    services", "    rollout: {health_timeout: 5}\n    services", "write 5s"),
        ("    services", "    firewall: {ssh: [10.0.0.1]}\n    services", "write 10.0.0.1/32"),
        ("    services", "    firewall: {ssh: [10.0.0.1/8]}\n    services", "write 10.0.0.0/8"),
        ("default: true", "domains: [bücher.example]", "write xn--bcher-kva.example"),
        ("default: true", "domains: ['https://A.example/x']", "write a.example"),
        ("      api:", "      My Api:", "for example my-api"),
    ],
)
def test_a_mistake_says_what_to_write_instead(old: str, new: str, hint: str) -> None:
    text = CLUSTERS.replace("EXTRA", "kind: http").replace(old, new)
    with pytest.raises(BadInput) as caught:
        loaded({"clusters.yaml": text, "compose.yaml": COMPOSE})
    assert [each.hint for each in caught.value.mistakes] == [hint]


def test_a_host_and_an_entry_address_belong_to_one_cluster() -> None:
    def one(name: str) -> str:
        return (
            f"  {name}:\n    provider: {{kind: ssh, known_hosts: k}}\n    entry: {{kind: vip, address: 10.0.0.9}}\n"
            "    nodes: [{name: a, host: h, private_ip: 10.0.0.1}]\n"
        )

    with pytest.raises(BadInput) as caught:
        loaded({"clusters.yaml": "clusters:\n" + one("a") + one("b")})
    assert [(each.line, each.rule) for each in caught.value.mistakes] == [
        (8, "vip-address"),
        (9, "host-in-two-clusters"),
    ]
