"""Whatever a node sends becomes facts or a clean "not observed": nothing of it is believed or shown raw."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dynia.interfaces.errors import NotObservedError
from dynia.interfaces.node_requests import ObserveRequest, SecretCandidate
from dynia.interfaces.observed import NodeFacts
from dynia.providers.ssh.framing import path_text, text
from dynia.providers.ssh.observation import parse_observation
from tests.examples import examples

REQUEST = ObserveRequest(
    roots=("/opt/dynia",),
    units=("haproxy.service",),
    packages=("haproxy",),
    secret_paths=("/opt/dynia/tls.pem",),
    candidates=(SecretCandidate(path="/opt/dynia/tls.pem", content=b"x"),),
)
HASH = b"ab" * 32
CONTAINER = (
    b'["c1","/api-web-1","sha256:1","running","healthy",0,2,"2026-01-01T00:00:00Z","api","web","cfg",'
    b'["edge-api","api_default",""]]'
)
SECTIONS: dict[bytes, tuple[bytes, ...]] = {
    b"clock": (b"1700000001250000000",),
    b"candidates": (b"/opt/dynia/tls.pem", b"cd" * 32, b".", b"/etc/shadow", b"ef" * 32, b"."),
    b"host": (
        b"web-1\n", b"x86_64\n", b"boot-1\n", b"debian-13\n", b"l1\n", b"1699999999\n",
        b"Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 100 31 69 31% /\nx 90000 81000 9000 90% /y\n",
        b"1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet 10.0.0.2/24 brd 10.0.0.255 scope\n",
        b"MASTER\n", b"/var/lib/dynia/txn/service%api\n", b"",
        b"X-Dynia-Release 0123456789abcdef\nX-Dynia-Release \nX-Dynia-Release 0123456789abcdef\n",
        b"api\n web-1 10.0.0.2\n web-2 10.0.0.3\n  \nodd words here\n web-9 10.0.0.9\nweb\n web-1 10.0.0.2\n x\n",
    ),
    b"files": (
        b"/opt/dynia/a", b"f", b"644", b"root:root", b"5", b"1700000000.5", b".",
        b"/opt/dynia/tls.pem", b"f", b"600", b"root:root", b"7", b"1700000000", b".",
        b"/opt/dynia/l", b"l", b"777", b"root:root", b"7", b"1700000000", b".", b"",
    ),
    b"hashes": (HASH + b"  /opt/dynia/a", b""),
    b"secrets": (b"/opt/dynia/tls.pem", b"cd" * 32, b".", b""),
    b"units": (
        b"Id=haproxy.service\nActiveState=active\nUnitFileState=enabled\nActiveEnterTimestamp=@1699\n\n"
        b"Id=keepalived.service\nActiveState=active\nUnitFileState=enabled\nActiveEnterTimestamp=\n",
    ),
    b"firewall": (b"changed\n",),
    b"packages": (b"haproxy\t3.0.11-1\tinstalled\nkeepalived\t2.3\tconfig-files\n",),
    b"docker": (b"26.1.5\n", b"2.26.1\n"),
    b"containers": (CONTAINER + b"\n",),
    b"images": (
        b"sha256:" + HASH + b" caddy 2 <none>\nsha256:" + HASH + b" caddy <none> sha256:" + HASH + b"\n",
    ),
    b"networks": (b"edge-api\nnot-edge-api\n",),
    b"end": (),
}  # fmt: skip


def framed(sections: dict[bytes, tuple[bytes, ...]]) -> bytes:
    return b"".join(
        b"\x01" + name + b"\0" + b"".join(token + b"\0" for token in tokens)
        for name, tokens in sections.items()
    )


WHOLE = framed(SECTIONS)


def test_a_whole_answer_becomes_facts() -> None:
    facts = parse_observation(WHOLE, REQUEST, runner_ms=1_700_000_000_000)
    assert (facts.hostname, facts.boot_id, facts.os, facts.arch) == ("web-1", "boot-1", "debian-13", "amd64")
    assert (facts.lineage, facts.busy_since, facts.disk_used_percent) == ("l1", 1699999999, 90)
    assert facts.disk_free_mb == 8
    assert (facts.addresses, facts.vrrp, facts.clock_skew_ms) == (("10.0.0.2", "127.0.0.1"), "MASTER", 1250)
    assert facts.firewall == "changed"
    assert [(f.path, f.kind, f.mode, f.digest[:7], f.mtime) for f in facts.files] == [
        ("/opt/dynia/a", "file", 0o644, "sha256:", 1700000000),
        ("/opt/dynia/l", "link", 0o777, "", 1700000000),
        ("/opt/dynia/tls.pem", "file", 0o600, "hmac:cd", 1700000000),
    ]
    assert facts.secrets == {"/opt/dynia/tls.pem": "hmac:" + "cd" * 32}
    assert [(u.name, u.active, u.enabled, u.since) for u in facts.units] == [
        ("haproxy.service", "active", "enabled", 1699)
    ]
    assert facts.packages == {"haproxy": "3.0.11-1"}
    container = facts.containers[0]
    assert (container.name, container.restarts, container.networks) == (
        "api-web-1", 2, ("api_default", "edge-api"),
    )  # fmt: skip
    image = facts.images[0]
    assert (image.tags, image.digests) == (("caddy:2",), ("caddy@sha256:" + HASH.decode(),))
    assert (facts.networks, facts.docker, facts.compose) == (("edge-api",), "26.1.5", "2.26.1")
    assert (facts.unfinished, facts.truncated) == (("service/api",), ())
    assert facts.routes == ("0123456789abcdef",)
    assert [(s.service, s.node, s.address) for s in facts.servers] == [
        ("api", "web-1", "10.0.0.2"), ("api", "web-2", "10.0.0.3"), ("web", "web-1", "10.0.0.2")
    ]  # fmt: skip


def test_a_role_is_only_believed_while_keepalived_is_active() -> None:
    stopped = SECTIONS[b"units"][0].replace(
        b"keepalived.service\nActiveState=active", b"keepalived.service\nActiveState=inactive"
    )
    assert parse_observation(framed({**SECTIONS, b"units": (stopped,)}), REQUEST, runner_ms=0).vrrp == ""


def test_a_docker_that_is_down_fails_nothing_else() -> None:
    kept = {
        name: tokens
        for name, tokens in SECTIONS.items()
        if name not in {b"containers", b"images", b"networks"}
    }
    facts = parse_observation(framed({**kept, b"docker": ()}), REQUEST, runner_ms=0)
    assert (facts.docker, facts.containers, facts.truncated) == ("", (), ("docker: no answer",))
    assert len(facts.files) == 3


@pytest.mark.parametrize("state", ["active", "activating", ""])
def test_a_docker_that_hangs_is_not_observed_but_for_one_that_still_starts(state: str) -> None:
    units = SECTIONS[b"units"][0] + f"\nId=docker.service\nActiveState={state}\n".encode()
    kept = {n: t for n, t in SECTIONS.items() if n not in {b"containers", b"images", b"networks", b"end"}}
    raw = framed(
        {**kept, b"units": (units,) if state else (b"",), b"docker": (), b"hangs": (b"Docker",), b"end": ()}
    )
    if state == "activating":
        facts = parse_observation(raw, REQUEST, runner_ms=0)
        assert (facts.containers, facts.truncated) == ((), ("docker: no answer",))
    else:
        with pytest.raises(NotObservedError, match="its Docker does not answer"):
            parse_observation(raw, REQUEST, runner_ms=0)


def test_where_the_clocks_differ_times_are_told_by_the_runner_s() -> None:
    """An hour ahead, or behind; a few seconds are taken for none."""
    for ahead in (3600, -3600, 2):
        facts = parse_observation(WHOLE, REQUEST, runner_ms=(1_700_000_001 - ahead) * 1000)
        shift = ahead if abs(ahead) > 30 else 0
        assert facts.clock_skew_ms == ahead * 1000 + 250
        assert facts.busy_since == 1_699_999_999 - shift
        assert {f.mtime for f in facts.files} == {1_700_000_000 - shift}


def test_a_container_that_is_not_ours_has_no_labels() -> None:
    foreign = (
        b'["c2","/db","sha256:2","exited","none",137,0,"2026-01-01T00:00:00Z",null,null,null,["bridge",""]]'
    )
    rows = CONTAINER + b"\n" + foreign + b"\n"
    facts = parse_observation(framed({**SECTIONS, b"containers": (rows,)}), REQUEST, runner_ms=0)
    assert [(c.name, c.project, c.config) for c in facts.containers] == [
        ("api-web-1", "api", "cfg"),
        ("db", "", ""),
    ]
    assert facts.truncated == ()


def test_a_node_without_docker_is_no_mystery() -> None:
    kept = {n: t for n, t in SECTIONS.items() if n not in {b"docker", b"containers", b"images", b"networks"}}
    facts = parse_observation(framed(kept), REQUEST, runner_ms=0)
    assert (facts.docker, facts.truncated) == ("", ())


@pytest.mark.parametrize("size", range(0, len(WHOLE), 7))
def test_an_answer_that_breaks_off_is_not_observed(size: int) -> None:
    with pytest.raises(NotObservedError):
        parse_observation(WHOLE[:size], REQUEST, runner_ms=0)


def test_an_answer_that_was_cut_says_so() -> None:
    facts = parse_observation(WHOLE[: WHOLE.index(b"\x01hashes")], REQUEST, runner_ms=0, cut=True)
    assert facts.truncated[0] == "answer: longer than allowed"


def test_a_list_that_was_cut_on_the_node_says_so() -> None:
    cut = (*SECTIONS[b"files"][:10], b"")
    facts = parse_observation(framed({**SECTIONS, b"files": cut}), REQUEST, runner_ms=0)
    assert [f.path for f in facts.files] == ["/opt/dynia/a"]
    assert "files: too many" in facts.truncated


def test_a_file_that_could_not_be_hashed_is_told() -> None:
    facts = parse_observation(framed({**SECTIONS, b"hashes": ()}), REQUEST, runner_ms=0)
    assert facts.truncated == ("files: 1 too large to be hashed in time",)


def harmless(value: object) -> bool:
    """No control character anywhere, however deep."""
    if isinstance(value, str):
        return all(c.isprintable() or c == " " or ord(c) > 0x9F for c in value) and "\x1b" not in value
    if isinstance(value, tuple):
        return all(harmless(part) for part in value)
    if isinstance(value, dict):
        return all(harmless(part) for pair in value.items() for part in pair)
    if hasattr(value, "__struct_fields__"):
        return all(harmless(getattr(value, field)) for field in value.__struct_fields__)
    return True


tokens = st.one_of(st.binary(max_size=60), st.sampled_from([t for ts in SECTIONS.values() for t in ts]))
hostile = st.dictionaries(st.sampled_from(sorted(SECTIONS)), st.lists(tokens, max_size=14).map(tuple))


def observed(raw: bytes, *, cut: bool = False) -> NodeFacts | None:
    try:
        return parse_observation(raw, REQUEST, runner_ms=0, cut=cut)
    except NotObservedError:
        return None


@given(st.binary(max_size=300), st.booleans())
@example(b"\x01clock\0" + b"9" * 5000 + b"\0\x01host\0\x01end\0", False)
def test_any_bytes_become_facts_or_not_observed(raw: bytes, cut: bool) -> None:
    facts = observed(raw, cut=cut)
    assert facts is None or harmless(facts)


@settings(max_examples=examples(300))
@given(hostile, st.integers(0, len(WHOLE)), st.binary(max_size=8))
def test_a_whole_answer_with_anything_put_into_it_stays_harmless(
    changes: dict[bytes, tuple[bytes, ...]], at: int, inserted: bytes
) -> None:
    for raw in (framed({**SECTIONS, **changes}), WHOLE[:at] + inserted + WHOLE[at:]):
        facts = observed(raw)
        assert facts is None or harmless(facts)
        assert facts is None or set(facts.secrets) <= {"/opt/dynia/tls.pem"}


@given(
    st.lists(
        st.binary(min_size=1, max_size=12).filter(lambda b: b"\0" not in b and b"/" not in b), unique=True
    )
)
@example([b"a\nb", b"\x01end", b"x y", b"\x1b[2J", b"\xff", b"."])
def test_no_file_name_can_be_mistaken_for_something_else(names: list[bytes]) -> None:
    listed = b"".join(b"/r/" + n + b"\0f\x00644\0root:root\x001\x001\0.\0" for n in names)
    hashed = b"".join(HASH + b"  /r/" + n + b"\0" for n in names)
    raw = WHOLE.replace(framed({b"files": SECTIONS[b"files"]}), b"\x01files\0" + listed + b"\0").replace(
        framed({b"hashes": SECTIONS[b"hashes"]}), b"\x01hashes\0" + hashed + b"\0"
    )
    facts = parse_observation(raw, REQUEST, runner_ms=0)
    assert {f.path for f in facts.files} == {path_text(b"/r/" + n) for n in names}
    assert all(f.digest == "sha256:" + HASH.decode() for f in facts.files)
    assert facts.truncated == ()
    assert harmless(facts)


def test_escape_sequences_are_taken_out_whole() -> None:
    assert text(b"\x1b[31mred\x1b[0m \x1b]0;title\x07x\r\ny\x08\x00") == "red x\ny"
