"""What Cloudflare refuses, in words that say which permission or which record; and whose credentials are sent."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import sqlite3

import pytest
from aiohttp import web

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.providers.dns.cloudflare.account import Account
from dynia.providers.dns.cloudflare.provider import CloudflareDnsProvider
from dynia.providers.pace import Patience
from dynia.providers.protocols import DnsMark, DnsWish
from tests.twin.judged import rows
from tests.twin.judged_cloudflare import TOKEN, ZONE, cloudflare_in_a_thread

MARK = DnsMark(lineage="a" * 32, cluster="prod")
API = DnsWish(name=f"api.{ZONE}", type="A", value="198.18.7.5")
QUICK = Patience(base=0.01, cap=0.02, attempts=2, poll=0.01, slowest=0.02, within=5.0)


def provider(url: str, token: str = TOKEN) -> CloudflareDnsProvider:
    return CloudflareDnsProvider(Account(token, url), QUICK)


def test_each_missing_permission_is_named_and_no_token_is_told(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    tokens = {
        "cf-no-dns-edit": {ZONE: frozenset(("Zone:Read",))},
        "cf-no-zone-read": {ZONE: frozenset(("DNS:Edit",))},
        "cf-elsewhere": {"other.example": frozenset(("Zone:Read", "DNS:Edit"))},
    }
    words = {
        "cf-no-dns-edit": "lacks the permission Zone / DNS / Edit for dns.records.list",
        "cf-no-zone-read": f"sees no zone {ZONE}",
        "cf-elsewhere": f"sees no zone {ZONE}",
        "cf-unknown": "does not know the token in CLOUDFLARE_API_TOKEN",
    }
    with cloudflare_in_a_thread(database, tokens=tokens) as twin:
        for token, said in words.items():
            with pytest.raises(DyniaError) as caught:
                asyncio.run(provider(twin.url, token).create_record(ZONE, API, MARK))
            assert said in caught.value.message
            assert not isinstance(caught.value, NotObservedError)
            assert "Zone / Zone / Read" in caught.value.hint
            assert token not in caught.value.message + caught.value.hint
    assert rows(database, "SELECT * FROM records") == []


def test_other_credentials_of_the_environment_are_not_sent(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would send them, and instead of the token."""
    monkeypatch.setenv("CLOUDFLARE_EMAIL", "somebody@example.com")
    monkeypatch.setenv("CLOUDFLARE_API_KEY", "global-key-of-somebody")
    monkeypatch.setenv("CLOUDFLARE_API_USER_SERVICE_KEY", "v1.0-service-key")
    seen: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.json_response(
            {"success": True, "errors": [], "messages": [], "result": [], "result_info": {"total_count": 0}}
        )

    async def case() -> None:
        async with served(answer) as url:
            assert await provider(url).zones() == ()

    asyncio.run(case())
    (headers,) = seen
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    held = " ".join(f"{name} {value}" for name, value in headers.items())
    assert "somebody" not in held
    assert "v1.0-service-key" not in held


def test_a_redirect_is_not_followed_with_the_token(tmp_path: pathlib.Path) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async def case() -> None:
        async with served(answer) as url:
            with pytest.raises(NotObservedError, match="HTTP 302"):
                await provider(url).zones()

    asyncio.run(case())
    assert set(seen) == {"/client/v4/zones"}


@pytest.mark.parametrize("body", ["<html>", "[]", '{"success": false, "result": null}', '{"errors": []}'])
def test_an_answer_that_makes_no_sense_is_none(body: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    async def case() -> None:
        async with served(answer) as url:
            with pytest.raises(NotObservedError, match="an answer that makes no sense, asked 2 times"):
                await provider(url).zones()

    asyncio.run(case())


def test_words_of_a_refusal_are_bounded_and_fit_a_terminal() -> None:
    async def answer(request: web.Request) -> web.Response:
        chain = [{"code": 9005, "message": "Content \x1b[31m must be an address." + "x" * 1000}]
        error = {"code": 1004, "message": "DNS Validation Error", "error_chain": chain}
        return web.json_response(
            {"success": False, "errors": [error], "messages": [], "result": None}, status=400
        )

    async def case() -> None:
        async with served(answer) as url:
            with pytest.raises(DyniaError) as caught:
                await provider(url).zones()
        message = caught.value.message
        assert "DNS Validation Error (1004); Content [31m must be an address." in message
        assert message.isprintable()
        assert len(message) < 400

    asyncio.run(case())


def test_a_value_that_cloudflare_does_not_take_is_told_with_its_rule(tmp_path: pathlib.Path) -> None:
    with cloudflare_in_a_thread(tmp_path / "twin.db") as twin:
        wish = DnsWish(name=f"api.{ZONE}", type="A", value="not-an-address")
        with pytest.raises(DyniaError, match=r"valid IPv4 address\. \(9005\)"):
            asyncio.run(provider(twin.url).create_record(ZONE, wish, MARK))


def test_a_mark_that_does_not_fit_a_comment_is_refused_before_anything_is_asked(
    tmp_path: pathlib.Path,
) -> None:
    database = tmp_path / "twin.db"
    with cloudflare_in_a_thread(database) as twin:
        longest = DnsMark(lineage="a" * 32, cluster="c" * 40)
        assert asyncio.run(provider(twin.url).create_record(ZONE, API, longest)).ours
        too_long = DnsMark(lineage="a" * 32, cluster="c" * 50)
        www = DnsWish(name=f"www.{ZONE}", type="A", value="198.18.7.5")
        with pytest.raises(DyniaError, match="would have 105 characters") as caught:
            asyncio.run(provider(twin.url).create_record(ZONE, www, too_long))
        assert "shorter name" in caught.value.hint
    assert len(rows(database, "SELECT * FROM records")) == 1


def test_proxied_is_told_and_changed_in_place(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with cloudflare_in_a_thread(database) as twin:
        names = provider(twin.url)
        made = asyncio.run(names.create_record(ZONE, API, MARK))
        shown = DnsWish(name=API.name, type="A", value=API.value, proxied=True)
        changed = asyncio.run(names.adopt_record(ZONE, made.record_id, shown, MARK))
        assert (changed.record_id, changed.proxied) == (made.record_id, True)
        with pytest.raises(DyniaError, match="in the way"):
            asyncio.run(names.create_record(ZONE, API, MARK))
    assert [one["proxied"] for one in rows(database, "SELECT * FROM records")] == [1]


def test_the_same_text_of_somebody_else_is_left_alone(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with cloudflare_in_a_thread(database) as twin:
        zone = rows(database, "SELECT id FROM zones")[0]["id"]
        with contextlib.closing(sqlite3.connect(database)) as hand:
            hand.execute(
                "INSERT INTO records VALUES ('b1', ?, 'TXT', ?, 'hello', '{}', 1, 0, 'hers', 1, 1, NULL)",
                (zone, f"t.{ZONE}"),
            )
            hand.commit()
        asyncio.run(provider(twin.url).put_text(ZONE, f"t.{ZONE}", "hello"))
        asyncio.run(provider(twin.url).drop_text(ZONE, f"t.{ZONE}", "hello"))
    (kept,) = rows(database, "SELECT * FROM records")
    assert (kept["comment"], kept["deleted"]) == ("hers", None)


def test_adoption_into_what_somebody_else_has_there_too_is_refused(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with cloudflare_in_a_thread(database) as twin:
        names = provider(twin.url)
        asyncio.run(names.create_record(ZONE, API, MARK))
        zone = rows(database, "SELECT id FROM zones")[0]["id"]
        with contextlib.closing(sqlite3.connect(database)) as hand:
            hand.execute(
                "INSERT INTO records VALUES ('b1', ?, 'A', ?, '198.18.7.6', '{}', 1, 0, 'hers', 1, 1, NULL)",
                (zone, API.name),
            )
            hand.commit()
        (mine,) = [one for one in asyncio.run(names.look_up(ZONE, API.name, MARK)) if one.ours]
        same = DnsWish(name=API.name, type="A", value="198.18.7.6")
        with pytest.raises(DyniaError, match=r"somebody else has A 198\.18\.7\.6 there as well"):
            asyncio.run(names.adopt_record(ZONE, mine.record_id, same, MARK))
        alias = DnsWish(name=API.name, type="CNAME", value=f"www.{ZONE}")
        with pytest.raises(DyniaError, match="CNAME cannot stand beside A"):
            asyncio.run(names.adopt_record(ZONE, mine.record_id, alias, MARK))
        other = DnsWish(name=f"www.{ZONE}", type="A", value="198.18.7.6")
        with pytest.raises(DyniaError, match="another name's record"):
            asyncio.run(names.adopt_record(ZONE, mine.record_id, other, MARK))


# What a zone of a big team would have.
MANY = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1203)
INSERT INTO records SELECT printf('%032x', i), zones.id, 'A', printf('h%04d.', i) || zones.name, '198.18.9.1',
  '{}', 1, 0, '', 1, 1, NULL FROM zones, n;
"""


def test_more_records_than_a_page_has_are_all_listed(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with cloudflare_in_a_thread(database) as twin:
        with contextlib.closing(sqlite3.connect(database)) as hand:
            hand.executescript(MANY)
        found = asyncio.run(provider(twin.url).list_records(ZONE, MARK))
    assert [one.name for one in found] == [f"h{number:04}.{ZONE}" for number in range(1, 1204)]
    assert not any(one.ours for one in found)


@contextlib.asynccontextmanager
async def served(answer):  # type: ignore[no-untyped-def]
    """Some other server, at a URL."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()
