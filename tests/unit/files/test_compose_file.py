"""What a good compose file comes to: containers, target, files, variables."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynia.interfaces.desired import Container, Service, Target
from dynia.interfaces.errors import BadInput
from dynia.interfaces.files.dotenv import read_dotenv
from dynia.interfaces.files.look import Link
from tests.unit.files.memory import service_of


def container(service: Service, name: str) -> Container:
    return next(each for each in service.containers if each.name == name)


def rules(compose: str, extra: str = "kind: http", **files: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        service_of(compose, extra, dict(files))
    return [each.rule for each in caught.value.mistakes]


@pytest.mark.parametrize(
    ("containers", "said", "target"),
    [
        ("web: {image: a, expose: ['80']}", "", "web:80"),
        ("web: {image: a, ports: ['8000:3000']}", "", "web:3000"),
        ("web: {image: a, ports: [{target: 3000}]}", "", "web:3000"),
        ("web: {image: a, ports: ['127.0.0.1::3000/tcp', '53:53/udp']}", "", "web:3000"),
        ("web: {image: a, expose: [3000], ports: ['3000']}", "", "web:3000"),
        ("web: {image: a, expose: [3000]}, db: {image: a}", "", "web:3000"),
        ("web: {image: a, expose: [3000]}, once: {image: a, expose: [1], restart: 'no'}", "", "web:3000"),
        ("web: {image: a, expose: [3000]}, dbg: {image: a, expose: [1], profiles: [x]}", "", "web:3000"),
        ("web: {image: a, expose: [3000]}, db: {image: a, expose: [1]}", "target: web", "web:3000"),
        ("web: {image: a}", "target: 'web:99'", "web:99"),
        ("web: {image: a, expose: [1, 2]}", "target: 'web:2'", "web:2"),
    ],
)
def test_the_target_is_found_where_it_is_the_only_one(containers: str, said: str, target: str) -> None:
    service = service_of(f"services: {{{containers}}}", said or "kind: http")
    name, port = target.split(":")
    assert service.target == Target(container=name, port=int(port))


def test_a_worker_has_no_target() -> None:
    from tests.unit.files.memory import CLUSTERS, loaded

    text = CLUSTERS.replace("default: true, EXTRA", "kind: worker")
    found = loaded({"clusters.yaml": text, "compose.yaml": "services: {w: {image: a, expose: [1]}}"})
    assert found.clusters[0].services[0].target is None


def test_a_container_is_one_shot_if_it_says_so_or_another_waits_for_its_end() -> None:
    service = service_of(
        "services:\n"
        "  web: {image: a, expose: [1], depends_on: {init: {condition: service_completed_successfully}, b: {condition: service_healthy}}}\n"
        "  init: {image: a}\n  b: {image: a}\n  c: {image: a, restart: no}\n  d: {image: a, restart: always}\n"
    )
    assert [each.name for each in service.containers if each.one_shot] == ["c", "init"]


@pytest.mark.parametrize(
    ("check", "has"),
    [
        ("{test: [CMD, x]}", True),
        ("{test: x}", True),
        ("{disable: true}", False),
        ("{test: [NONE]}", False),
        ("{}", False),
    ],
)
def test_a_health_check_counts_if_it_checks(check: str, has: bool) -> None:
    service = service_of(f"services: {{web: {{image: a, expose: [1], healthcheck: {check}}}}}")
    assert container(service, "web").has_healthcheck is has


def test_a_containers_own_content_changes_with_its_own_part_alone() -> None:
    text = "services:\n  web: {image: 'a:${V}', expose: [1], command: C}\n  db: {image: 'b:1'}\n"
    one = service_of(text, "env: {V: '1'}")
    two = service_of(text.replace("C", "D"), "env: {V: '2'}")
    assert container(one, "web").config != container(two, "web").config
    assert container(one, "db").config == container(two, "db").config
    assert container(two, "web").image == "a:2" and one.compose == text.encode()


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [("networks", "{driver: bridge}", "{driver: bridge, internal: true}"), ("volumes", "{}", "{driver: x}"),
     ("configs", "{content: a}", "{content: b}"), ("secrets", "{environment: A}", "{environment: B}")],
)  # fmt: skip
def test_a_containers_content_includes_what_it_refers_to(key: str, before: str, after: str) -> None:
    use = "['x:/x']" if key == "volumes" else "[x]"
    text = (
        f"services: {{web: {{image: a, expose: [1], {key}: {use}}}, db: {{image: a}}}}\n{key}: {{x: TOP}}\n"
    )
    extra = "volumes: per-node, env: {A: a, B: b}"
    one, two = (service_of(text.replace("TOP", top), extra) for top in (before, after))
    assert container(one, "web").config != container(two, "web").config
    assert container(one, "db").config == container(two, "db").config


def test_what_does_not_touch_the_running_container_is_not_its_content() -> None:
    plain = service_of("services: {web: {image: a, expose: [1]}, b: {image: a}}")
    more = service_of(
        "services: {b: {image: a}, web: {expose: [1], image: a, x-note: 1, depends_on: [b], build: ., pull_policy: always}}"
    )
    assert container(plain, "web").config == container(more, "web").config
    assert json.loads(container(plain, "web").config) == {"container": {"expose": [1], "image": "a"}}


FILES = {
    "conf/a.toml": "a", "conf/sub/b.toml": "b", "one.txt": "1", "web.env": "X=$V\n", "cfg.ini": "c", "key.pem": "k",
    "other.txt": "never sent",
}  # fmt: skip
SHIPPING = """\
services:
  web:
    image: a
    expose: [1]
    volumes: ["./conf:/conf:ro", {type: bind, source: ./one.txt, target: /one, read_only: true}, "/etc/hosts:/h:ro"]
    env_file: web.env
    configs: [cfg]
    secrets: [{source: key}]
  db: {image: a, volumes: ["./one.txt:/x:ro"], env_file: [{path: gone.env, required: false}]}
configs: {cfg: {file: cfg.ini}, unused: {file: gone.ini}}
secrets: {key: {file: ./key.pem}}
"""


def test_every_file_that_is_mounted_or_read_is_shipped_and_no_other() -> None:
    service = service_of(SHIPPING, "env: {V: v}", dict(FILES))
    shipped = {file.path: (file.content.decode(), file.mode, file.secret) for file in service.files}
    assert shipped == {
        "conf/a.toml": ("a", 0o644, False), "conf/sub/b.toml": ("b", 0o644, False), "one.txt": ("1", 0o644, False),
        "web.env": ("X=$V\n", 0o644, True), "cfg.ini": ("c", 0o644, False), "key.pem": ("k", 0o644, True),
    }  # fmt: skip
    assert container(service, "db").files == ("one.txt",)
    assert container(service, "web").files == (
        "cfg.ini", "conf/a.toml", "conf/sub/b.toml", "key.pem", "one.txt", "web.env",
    )  # fmt: skip


EVERYWHERE = """\
services:
  web:
    image: a
    expose: [1]
    command: ["serve", "--key=${V}"]
    environment: {PASSWORD: "${V}", V: }
    env_file: [web.env, .env]
    secrets: [key, told]
    volumes: [".:/here:ro", "./${V}:/x:ro", "data:/data"]
    networks: [inner]
    labels: {note: "${V:-none}"}
  db: {image: a, environment: ["V"]}
volumes: {data: {name: "data-${V}"}}
networks: {inner: {driver_opts: {note: "$V"}}}
secrets: {key: {file: ./key.pem}, told: {environment: V}}
"""


@given(st.text("abcdef0123456789", min_size=1), st.text("abcdef0123456789", min_size=1))
def test_no_value_of_a_variable_and_no_secret_file_is_in_what_is_hashed(one: str, two: str) -> None:
    """Law 9: the hash stands in state, plan and labels, and a short secret could be guessed from it."""
    read = []
    for value in (one, two):
        files = {**FILES, "key.pem": value, "web.env": f"X={value}\n", value: "same", ".env": f"V={value}\n"}
        files = {name: text for name, text in files.items() if name in (value, "key.pem", "web.env", ".env")}
        read.append(service_of(EVERYWHERE, "volumes: per-node", files))
    for name in ("web", "db"):
        assert container(read[0], name).config == container(read[1], name).config


@pytest.mark.parametrize(
    ("use", "unseen"),
    [
        ("environment: {A: '${V}'}", False),
        ("env_file: .env", False),
        ("volumes: ['./.env:/x:ro']", True),
        ("volumes: ['.:/x:ro']", True),
        ("secrets: [told]", True),
    ],
)
def test_where_compose_itself_does_not_see_that_dotenv_changed(use: str, unseen: bool) -> None:
    text = f"services: {{web: {{image: a, expose: [1], {use}}}, db: {{image: a}}}}\nsecrets: {{told: {{environment: V}}}}\n"
    service = service_of(text, "env: {V: v}", {".env": "A=1\n"})
    assert [container(service, name).unseen_dotenv for name in ("web", "db")] == [unseen, False]


def test_links_inside_the_folder_are_followed() -> None:
    text = "services: {web: {image: a, expose: [1], volumes: ['./conf:/c:ro']}}"
    service = service_of(
        text,
        files={
            "conf/now": Link(target="../data/v2"),
            "data/v2/x": "x",
            "conf/abs": Link(target="/w/data/v2/x"),
        },
    )
    assert {file.path: file.content for file in service.files} == {"conf/now/x": b"x", "conf/abs": b"x"}


def test_env_wins_over_dotenv_and_no_other_variable_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_SHELL", "shell")
    monkeypatch.setenv("A", "shell")
    text = "services: {web: {image: 'x/${A}:${B}-${FROM_SHELL:-unseen}', expose: [1]}}"
    service = service_of(text, "env: {A: mine, N: 1.10}", {".env": "A=file\nB=b\nD=$A\n"})
    assert container(service, "web").image == "x/mine:b-unseen"
    read = read_dotenv("f", service.dotenv, {}, strict=True)
    assert read.values == {"A": "mine", "B": "b", "D": "mine", "N": "1.10"}


def test_an_include_is_merged_with_paths_from_its_own_folder() -> None:
    service = service_of(
        "include: [sub/more.yaml]\nservices: {web: {image: a, expose: [1]}}\n",
        "env: {A: a}",
        {
            "sub/more.yaml": "services: {m: {image: 'x:${A}${B}', volumes: ['./f:/f:ro'], networks: [n]}}\nnetworks: {n: {}}\n",
            "sub/.env": "A=theirs\nB=b\n", "sub/f": "1",
        },
    )  # fmt: skip
    assert container(service, "m").image == "x:ab"
    assert container(service, "m").files == ("sub/f",)
    assert container(service, "m").networks == ("n",)
    assert [(file.path, file.secret) for file in service.files] == [
        ("sub/.env", True), ("sub/f", False), ("sub/more.yaml", False),
    ]  # fmt: skip


def test_a_container_with_profiles_is_left_out() -> None:
    service = service_of(
        "services: {web: {image: a, expose: [1]}, dbg: {image: a, profiles: [debug], volumes: [x:/x]}}"
    )
    assert [each.name for each in service.containers] == ["web"]


@pytest.mark.parametrize("mount", ["./conf:/c", "data:/d", "/srv:/s", "/anon"])
def test_what_stays_on_a_node_needs_a_word(mount: str) -> None:
    text = f"services: {{web: {{image: a, expose: [1], volumes: ['{mount}']}}}}\nvolumes: {{data: }}\n"
    assert rules(text, **{"conf/a": "a"}) == ["volume-refused"]
    assert service_of(text, "volumes: per-node", {"conf/a": "a"}).volumes == "per-node"


@pytest.mark.parametrize(
    ("mount", "data"),
    [("./conf:/c", ("conf",)), ("./conf/sub/../:/c", ("conf",)), (".:/c", (".",)), ("./conf:/c:ro", ()),
     ("./conf/a:/a", ()), ("data:/d", ()), ("/srv:/s", ())],
)  # fmt: skip
def test_a_folder_that_a_container_may_write_into_holds_its_data(mount: str, data: tuple[str, ...]) -> None:
    text = f"services: {{web: {{image: a, expose: [1], volumes: ['{mount}']}}}}\nvolumes: {{data: }}\n"
    service = service_of(text, "volumes: per-node", {"conf/a": "a", "conf/sub/b": "b"})
    assert container(service, "web").data == data


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [("5000:1", "5000:1", True), ("5000:1/udp", "5000:1", False), ("127.0.0.1:5000:1", "5000:1", True),
     ("127.0.0.1:5000:1", "127.0.0.2:5000:1", False), ("5000-5002:1-3", "5002:1", True), ("5000:1", "5001:1", False)],
)  # fmt: skip
def test_a_port_of_the_node_is_published_once(one: str, other: str, clash: bool) -> None:
    text = f"services: {{web: {{image: a, ports: ['{one}']}}, b: {{image: a, ports: ['{other}']}}}}"
    if clash:
        assert rules(text, "target: 'web:1'") == ["port-taken"]
    else:
        assert service_of(text, "target: 'web:1'").target == Target(container="web", port=1)


@pytest.mark.parametrize(
    ("image", "fine"),
    [("a", True), ("a:1", True), ("ghcr.io/acme/api:1.9", True), ("localhost:5000/a/b_c--d:x", True), ("A", False),
     ("a@sha256:" + "0" * 64, True), ("a:1@sha256:" + "0" * 64, True), ("a//b", False), ("a:", False), ("a b", False),
     ("a..b", False), ("-a", False), ("a@sha256:0", False), ("https://a/b", False)],
)  # fmt: skip
def test_images_are_named_as_docker_names_them(image: str, fine: bool) -> None:
    text = f"services: {{web: {{image: '{image}', expose: [1]}}}}"
    if fine:
        assert service_of(text).containers[0].image == image
    else:
        assert rules(text) == ["bad-image"]
