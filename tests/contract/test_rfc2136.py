"""What is rfc2136's own: races that its prerequisites decide, wildcards, and what a server's refusals mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import dns.tsig
import dns.update
import msgspec
import pytest

from dynia.interfaces.desired import EnvSource, Rfc2136Dns
from dynia.interfaces.errors import DyniaError, NotObservedError, Stale
from dynia.providers.dns.registry import dns_for
from dynia.providers.dns.rfc2136.marks import claim_of, claim_text
from dynia.providers.dns.rfc2136.provider import Rfc2136DnsProvider
from dynia.providers.dns.rfc2136.server import Server, server_for
from dynia.providers.protocols import DnsMark, DnsWish
from tests.contract.bind import KEY
from tests.contract.dns_world import BindWorld

OURS = "198.18.7.5"
replace = msgspec.structs.replace


@pytest.fixture
def world(rfc2136_world: BindWorld) -> BindWorld:
    return rfc2136_world


def api(world: BindWorld) -> DnsWish:
    return DnsWish(name=f"api.{world.zone}", type="A", value=OURS)


@dataclass(frozen=True, slots=True, repr=False)
class Overtaken(Server):
    """The real server, where somebody else is quicker: `first` happens between what was read and the update."""

    first: Callable[[], None] = print

    async def update(self, zone: str, message: dns.update.UpdateMessage) -> None:
        self.first()
        await Server.update(self, zone, message)


def overtaken(world: BindWorld, first: Callable[[], None]) -> Rfc2136DnsProvider:
    real = server_for(world.settings(), {"KEY": world.bind.secret})
    return Rfc2136DnsProvider(
        Overtaken(host=real.host, port=real.port, key=real.key, secret_name=real.secret_name, first=first)
    )


@pytest.mark.parametrize("kind", ["A", "AAAA", "CNAME"])
def test_a_record_that_somebody_makes_in_the_same_moment_is_not_written_over(
    world: BindWorld, kind: str
) -> None:
    value = {"A": "203.0.113.7", "AAAA": "2001:db8::7", "CNAME": "else.example.net"}[kind]
    wish = api(world)
    provider = overtaken(world, lambda: world.put(wish.name, kind, value))
    with pytest.raises(Stale):
        asyncio.run(provider.create_record(world.zone, wish, world.mark))
    assert world.answers(wish.name, kind) == [value]
    assert not any("_dynia" in line for line in world.now())


def test_a_record_that_is_changed_in_the_same_moment_is_not_deleted(world: BindWorld) -> None:
    made = asyncio.run(world.provider.create_record(world.zone, api(world), world.mark))
    provider = overtaken(world, lambda: world.put(made.name, "A", "203.0.113.7"))
    with pytest.raises(Stale):
        asyncio.run(provider.delete_record(world.zone, made.record_id, world.mark))
    assert world.answers(made.name, "A") == sorted([OURS, "203.0.113.7"])


def test_a_wildcard_is_not_taken_for_a_record_of_every_name(world: BindWorld) -> None:
    world.put(f"*.{world.zone}", "A", "203.0.113.1")
    world.put(f"*.{world.zone}", "TXT", '"v=spf1 -all"')
    assert world.answers(api(world).name, "A") == ["203.0.113.1"]
    assert asyncio.run(world.provider.look_up(world.zone, api(world).name, world.mark)) == ()
    made = asyncio.run(world.provider.create_record(world.zone, api(world), world.mark))
    assert world.answers(api(world).name, "A") == [OURS]
    asyncio.run(world.provider.delete_record(world.zone, made.record_id, world.mark))
    assert world.answers(api(world).name, "A") == ["203.0.113.1"]


def test_a_cname_beside_other_records_is_refused_and_not_dropped_silently(world: BindWorld) -> None:
    name = f"www.{world.zone}"
    world.put(name, "MX", "10 mail.example.net")
    wish = DnsWish(name=name, type="CNAME", value=f"api.{world.zone}")
    with pytest.raises(DyniaError, match="CNAME cannot stand beside MX"):
        asyncio.run(world.provider.create_record(world.zone, wish, world.mark))


def test_a_mark_longer_than_one_string_of_txt_is_read_back(world: BindWorld) -> None:
    label = "a" * 60
    target = ".".join([label] * 3 + [world.zone])
    wish = DnsWish(name=f"www.{world.zone}", type="CNAME", value=target)
    assert len(claim_text(wish, world.mark)) > 255
    made = asyncio.run(world.provider.create_record(world.zone, wish, world.mark))
    assert made.ours
    assert made in asyncio.run(world.provider.list_records(world.zone, world.mark))


@pytest.mark.parametrize(
    "text",
    ["", "v=spf1 -all", "heritage=external-dns,external-dns/owner=x", "heritage=dynia,lineage=a,cluster=b",
     "heritage=dynia,lineage=a,cluster=b,type=A,value=1,more=2"],
)  # fmt: skip
def test_other_texts_are_no_marks(text: str) -> None:
    assert claim_of(text) is None


def test_a_mark_says_what_it_was_made_of() -> None:
    mark = DnsMark(lineage="a" * 32, cluster="prod")
    wish = DnsWish(name="api.example.com", type="CNAME", value="www.example.com")
    claim = claim_of(claim_text(wish, mark))
    assert claim is not None
    assert (claim.owner, claim.type, claim.value) == (mark, "CNAME", "www.example.com")


def refused(settings: Rfc2136Dns, secret: str, wish: DnsWish | None = None) -> DyniaError:
    provider = dns_for(settings, {"KEY": secret})
    mark = DnsMark(lineage="a" * 32, cluster="prod")
    with pytest.raises(DyniaError) as caught:
        if wish is None:
            asyncio.run(provider.list_records(settings.zone, mark))
        else:
            asyncio.run(provider.create_record(settings.zone, wish, mark))
    assert secret not in caught.value.message + caught.value.hint
    return caught.value


def test_every_refusal_says_what_is_wrong_and_what_to_do(world: BindWorld) -> None:
    good, secret = world.settings(), world.bind.secret
    cases = {
        "does not know key other-key": (replace(good, key="other-key"), secret, "key block"),
        "does not know key dynia-key with hmac-sha512": (
            replace(good, algorithm="hmac-sha512"), secret, "key block",
        ),
        "the secret of key dynia-key is another one": (good, "bm90IHRoZSBzZWNyZXQ=", "into KEY"),
        "refuses to hand out zone other.example: NOTAUTH": (
            replace(good, zone="other.example"), secret, "does not serve zone other.example",
        ),
        "refuses to hand out zone contract.example: REFUSED": (
            replace(good, key="reader"), secret, "allow-transfer",
        ),
    }  # fmt: skip
    for message, (settings, known, hint) in cases.items():
        error = refused(settings, known)
        assert message in error.message
        assert hint in error.hint
        assert not isinstance(error, NotObservedError)


def test_a_key_that_may_read_and_not_write_is_told(tmp_path: Path) -> None:
    from tests.contract.bind import Bind

    zone = 'zone "frozen.example" { type primary; file "frozen.example"; };'
    (tmp_path / "frozen.example").write_text(
        "$TTL 300\n@ SOA ns.frozen.example. a.frozen.example. 1 3600 600 86400 60\n"
        "@ NS ns.frozen.example.\nns A 127.0.0.1\n"
    )
    bind = Bind(tmp_path, more=zone)
    try:
        settings = Rfc2136Dns(
            zone="frozen.example", server="127.0.0.1", port=bind.port, key=KEY, secret=EnvSource(env="KEY")
        )
        wish = DnsWish(name="api.frozen.example", type="A", value=OURS)
        error = refused(settings, bind.secret, wish)
        assert "refuses to change zone frozen.example: REFUSED" in error.message
        assert "update-policy" in error.hint
    finally:
        bind.stop()


def test_a_server_that_hangs_is_not_waited_for_for_ever(world: BindWorld) -> None:
    real = server_for(world.settings(), {"KEY": world.bind.secret})
    hasty = Server(host=real.host, port=real.port, key=real.key, secret_name="KEY", answer_s=0.2)
    world.bind.pause()
    try:
        with pytest.raises(NotObservedError, match=r"no answer within 0\.2 s"):
            asyncio.run(Rfc2136DnsProvider(hasty).list_records(world.zone, world.mark))
    finally:
        world.bind.go_on()


@pytest.mark.parametrize(("secret", "words"), [("", "KEY is not set"), ("%%%", "KEY is no base64 text")])
def test_a_secret_that_is_none_is_told_without_it(secret: str, words: str) -> None:
    settings = Rfc2136Dns(zone="a.example", server="127.0.0.1", key=KEY, secret=EnvSource(env="KEY"))
    with pytest.raises(DyniaError, match=words) as caught:
        dns_for(settings, {"KEY": secret})
    assert caught.value.hint
    assert not secret or secret not in str(caught.value)


def test_an_answer_that_is_not_signed_is_not_believed(world: BindWorld) -> None:
    """Somebody in between who knows no key answers in the server's place."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            length = int.from_bytes(await reader.readexactly(2), "big")
            asked = await reader.readexactly(length)
            wire = asked[:2] + b"\xa8\x00" + bytes(8)  # UPDATE, an answer, no error, nothing in it
            writer.write(len(wire).to_bytes(2, "big") + wire)
            await writer.drain()
        writer.close()

    real = server_for(world.settings(), {"KEY": world.bind.secret})

    async def case() -> None:
        liar = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = liar.sockets[0].getsockname()[1]
        server = Server(host="127.0.0.1", port=port, key=real.key, secret_name="KEY")
        async with liar:
            with pytest.raises(DyniaError, match="not signed"):
                await server.update(world.zone, dns.update.UpdateMessage(world.zone))

    asyncio.run(case())
