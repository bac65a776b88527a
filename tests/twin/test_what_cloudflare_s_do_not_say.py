"""What a simulator of Cloudflare must reproduce and its OpenAPI document does not demand: one test each."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dynia.twin.cloudflare.api import IPS, ROUTES
from dynia.twin.cloudflare.edge import Quota
from dynia.twin.faults import Fault, Rule, Script
from tests.openapi.judge import cloudflare
from tests.twin.judged import rows
from tests.twin.judged_cloudflare import TOKEN, ZONE, Asker, asking

ALL = frozenset(("Zone:Read", "DNS:Edit", "SSL and Certificates:Edit"))
RECORD = {"type": "A", "name": f"api.{ZONE}", "content": "198.18.7.5"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def run(tmp_path: pathlib.Path, case: Callable[[Asker], Awaitable[None]], **settings: Any) -> None:
    async def whole() -> None:
        async with asking(tmp_path / "twin.db", **settings) as ask:
            await case(ask)

    asyncio.run(whole())


async def listed(ask: Asker, query: str = "") -> list[str]:
    got = await ask("GET", f"/zones/{await ask.zone()}/dns_records{query}")
    return [f"{one['name']} {one['content']}" for one in got.json()["result"]]


def test_every_operation_of_the_document_is_served_and_one_more() -> None:
    prefix = "/client/v4"
    served = {route.operation.replace(prefix, "") for route in ROUTES}
    assert served == set(cloudflare().operations())
    assert IPS in {route.operation for route in ROUTES}


def test_a_call_that_is_not_in_the_document_fails(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        batch = await ask("POST", f"/zones/{await ask.zone()}/dns_records/batch", {"deletes": []})
        assert batch.status_code == 404

    with pytest.raises(AssertionError, match="not in the document"):
        run(tmp_path, case)


def test_every_success_is_200_in_the_envelope(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        path = f"/zones/{await ask.zone()}/dns_records"
        made = await ask("POST", path, RECORD)
        one = f"{path}/{made.json()['result']['id']}"
        answers = [
            made,
            await ask("GET", "/zones"),
            await ask("GET", f"/zones/{await ask.zone()}"),
            await ask("GET", path),
            await ask("GET", one),
            await ask("PUT", one, {**RECORD, "content": "198.18.7.6"}),
            await ask("PATCH", one, {**RECORD, "content": "198.18.7.7"}),
            await ask("GET", "/certificates"),
            await ask("GET", "/user/tokens/verify"),
            await ask("GET", "/ips"),
        ]
        for got in answers:
            assert got.status_code == 200
            body = got.json()
            assert (body["success"], body["errors"], body["messages"]) == (True, [], [])
            assert body["result"] is not None
        # the one exception, as the document has it
        gone = await ask("DELETE", one)
        assert (gone.status_code, gone.json()) == (200, {"result": {"id": made.json()["result"]["id"]}})

    run(tmp_path, case)


def test_failures_have_no_result_and_a_code_of_at_least_1000(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        path = f"/zones/{await ask.zone()}/dns_records"
        for method, where, body, status in (
            ("POST", path, {**RECORD, "content": "not an address"}, 400),
            ("GET", f"{path}/{'0' * 32}", None, 404),
            ("GET", f"/zones/{'0' * 32}/dns_records", None, 403),
            ("GET", f"/certificates/{'0' * 32}", None, 404),
        ):
            got = await ask(method, where, body)
            told = got.json()
            assert (got.status_code, told["success"], told["result"]) == (status, False, None)
            assert told["errors"]
            for error in told["errors"]:
                assert error["code"] >= 1000
                assert error["message"]

    run(tmp_path, case)


def test_pages_tell_how_many_there_are_and_records_come_by_the_hundred(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        for number in range(103):
            await ask.record("A", f"h{number:03}", f"198.18.9.{number}")
        path = f"/zones/{await ask.zone()}/dns_records"
        first = (await ask("GET", path)).json()
        assert first["result_info"] == {"page": 1, "per_page": 100, "count": 100, "total_count": 103}
        second = (await ask("GET", f"{path}?page=2")).json()
        assert second["result_info"] == {"page": 2, "per_page": 100, "count": 3, "total_count": 103}
        names = {one["name"] for one in first["result"] + second["result"]}
        assert len(names) == 103
        beyond = (await ask("GET", f"{path}?page=3")).json()
        assert (beyond["result"], beyond["result_info"]["count"]) == ([], 0)
        few = (await ask("GET", f"{path}?per_page=7&page=15")).json()
        assert few["result_info"]["count"] == 5

    run(tmp_path, case)


def test_zones_are_found_by_name_and_come_by_the_twenty(tmp_path: pathlib.Path) -> None:
    zones = [f"z{number:02}.example" for number in range(23)]

    async def whole() -> None:
        from tests.twin.judged_cloudflare import judged_cloudflare

        async with judged_cloudflare(tmp_path / "twin.db", *zones) as twin:
            ask = Asker(twin)
            try:
                first = (await ask("GET", "/zones")).json()
                assert len(first["result"]) == 20
                assert first["result_info"]["total_count"] == 23
                rest = (await ask("GET", "/zones?page=2")).json()
                assert [one["name"] for one in rest["result"]] == zones[20:]
                (one,) = (await ask("GET", "/zones?name=z07.example")).json()["result"]
                assert one["name"] == "z07.example"
                assert (await ask("GET", "/zones?name=other.example")).json()["result"] == []
            finally:
                await ask.close()

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("ttl", "status"), [(1, 200), (60, 200), (86400, 200), (2, 400), (59, 400), (86401, 400)]
)
def test_a_ttl_is_automatic_or_a_minute_to_a_day(tmp_path: pathlib.Path, ttl: int, status: int) -> None:
    async def case(ask: Asker) -> None:
        got = await ask("POST", f"/zones/{await ask.zone()}/dns_records", {**RECORD, "ttl": ttl})
        assert got.status_code == status
        if status == 400:
            (error,) = got.json()["errors"]
            assert (error["code"], error["error_chain"][0]["code"]) == (1004, 9021)

    run(tmp_path, case)


def test_a_proxied_record_has_the_automatic_ttl_and_texts_cannot_be_proxied(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        made = await ask.record("A", "api", "198.18.7.5", ttl=600, proxied=True)
        assert (made["ttl"], made["proxied"], made["proxiable"]) == (1, True, True)
        path = f"/zones/{await ask.zone()}/dns_records"
        text = await ask("POST", path, {"type": "TXT", "name": "t", "content": '"x"', "proxied": True})
        assert text.status_code == 400

    run(tmp_path, case)


@pytest.mark.parametrize(
    ("there", "more", "code"),
    [
        (("A", "198.18.7.5"), ("CNAME", "else.example.net"), 81053),
        (("AAAA", "2001:db8::5"), ("CNAME", "else.example.net"), 81053),
        (("CNAME", "one.example.net"), ("CNAME", "else.example.net"), 81053),
        (("CNAME", "else.example.net"), ("A", "198.18.7.5"), 81054),
        (("CNAME", "else.example.net"), ("AAAA", "2001:db8::5"), 81054),
        (("A", "198.18.7.5"), ("A", "198.18.7.5"), 81058),
        (("TXT", '"x"'), ("TXT", '"x"'), 81058),
        (("A", "198.18.7.5"), ("A", "198.18.7.6"), 0),
        (("A", "198.18.7.5"), ("AAAA", "2001:db8::5"), 0),
        (("A", "198.18.7.5"), ("TXT", '"x"'), 0),
    ],
)
def test_what_may_share_a_name(
    tmp_path: pathlib.Path, there: tuple[str, str], more: tuple[str, str], code: int
) -> None:
    """A and AAAA never with a CNAME; nothing with its equal. A change meets the same rules as a new one."""

    async def case(ask: Asker) -> None:
        await ask.record(there[0], "api", there[1])
        path = f"/zones/{await ask.zone()}/dns_records"
        body = {"type": more[0], "name": "api", "content": more[1]}
        got = await ask("POST", path, body)
        assert got.status_code == (400 if code else 200)
        if code:
            assert [one["code"] for one in got.json()["errors"]] == [code]
            other = await ask.record("TXT", "other", '"y"')
            for method in ("PUT", "PATCH"):
                moved = await ask(method, f"{path}/{other['id']}", body)
                assert (moved.status_code, moved.json()["errors"][0]["code"]) == (400, code)

    run(tmp_path, case)


def test_names_are_punycode_whole_and_in_lower_case(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        path = f"/zones/{await ask.zone()}/dns_records"
        wrong = await ask("POST", path, {**RECORD, "name": "bücher"})
        assert wrong.status_code == 400
        names = {
            "xn--bcher-kva": f"xn--bcher-kva.{ZONE}",
            "API": f"api.{ZONE}",
            "@": ZONE,
            f"www.{ZONE}.": f"www.{ZONE}",
            "*": f"*.{ZONE}",
            "_acme-challenge.api": f"_acme-challenge.api.{ZONE}",
        }
        for given, whole in names.items():
            assert (await ask.record("A", given, "198.18.7.5"))["name"] == whole

    run(tmp_path, case)


def test_a_record_that_was_deleted_is_404(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        one = f"/zones/{await ask.zone()}/dns_records/{(await ask.record('A', 'api', '198.18.7.5'))['id']}"
        assert (await ask("DELETE", one)).status_code == 200
        for method, body in (("GET", None), ("PUT", RECORD), ("PATCH", RECORD), ("DELETE", None)):
            got = await ask(method, one, body)
            assert (got.status_code, got.json()["errors"][0]["code"]) == (404, 81044)

    run(tmp_path, case)


def test_patch_keeps_what_is_left_out_and_put_does_not(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        made = await ask.record("A", "api", "198.18.7.5", ttl=600, comment="mine")
        one = f"/zones/{await ask.zone()}/dns_records/{made['id']}"
        body = {"type": "A", "name": "api", "content": "198.18.7.6"}
        patched = (await ask("PATCH", one, body)).json()["result"]
        assert (patched["content"], patched["ttl"], patched["comment"]) == ("198.18.7.6", 600, "mine")
        put = (await ask("PUT", one, body)).json()["result"]
        assert (put["ttl"], put.get("comment"), put["id"]) == (1, None, made["id"])

    run(tmp_path, case)


def test_records_are_filtered_by_name_type_content_and_comment(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        await ask.record("A", "api", "198.18.7.5", comment="dynia one")
        await ask.record("A", "www", "198.18.7.5", comment="hers")
        await ask.record("AAAA", "www", "2001:db8::5")
        api, www, six = f"api.{ZONE} 198.18.7.5", f"www.{ZONE} 198.18.7.5", f"www.{ZONE} 2001:db8::5"
        for query, found in (
            ("", [api, www, six]),
            (f"?name=www.{ZONE}", [www, six]),
            (f"?name=WWW.{ZONE}&type=A", [www]),
            ("?content=198.18.7.5&direction=desc", [www, api]),
            ("?comment.startswith=dynia", [api]),
            ("?comment=hers", [www]),
            ("?comment.absent=true", [six]),
            (f"?match=any&comment=hers&name=api.{ZONE}", [api, www]),
        ):
            assert await listed(ask, query) == found, query

    run(tmp_path, case)


def test_a_comment_has_at_most_100_characters(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        path = f"/zones/{await ask.zone()}/dns_records"
        assert (await ask("POST", path, {**RECORD, "comment": "x" * 100})).status_code == 200
        over = await ask("POST", path, {**RECORD, "name": "www", "comment": "x" * 101})
        assert over.status_code == 400

    run(tmp_path, case)


def test_1200_calls_in_five_minutes_and_then_five_minutes_of_none(tmp_path: pathlib.Path) -> None:
    clock = Clock()

    async def case(ask: Asker) -> None:
        for _ in range(1200):
            assert (await ask("GET", "/user/tokens/verify")).status_code == 200
        clock.now += 10
        slow = await ask("GET", "/user/tokens/verify")
        assert (slow.status_code, slow.headers["retry-after"]) == (429, "300")
        # another token is the same user's
        other = Asker(_At(ask.url), "another-token")
        assert (await other("GET", "/zones")).status_code == 429
        await other.close()
        clock.now += 299
        still = await ask("GET", "/user/tokens/verify")
        assert (still.status_code, still.headers["retry-after"]) == (429, "1")
        clock.now += 1
        assert (await ask("GET", "/user/tokens/verify")).status_code == 200

    run(tmp_path, case, clock=clock)


class _At:
    def __init__(self, url: str) -> None:
        self.url = url


def test_the_limit_outlives_a_restart(tmp_path: pathlib.Path) -> None:
    clock = Clock()

    async def over(ask: Asker) -> None:
        codes = [(await ask("GET", "/zones")).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]

    async def later(ask: Asker) -> None:
        assert (await ask("GET", "/zones")).status_code == 429

    run(tmp_path, over, clock=clock, quota=Quota(calls=3))
    run(tmp_path, later, clock=clock, quota=Quota(calls=3))


def test_tokens_are_known_or_not_and_reach_only_their_zones(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    tokens = {
        "all": {"*": ALL},
        "reads": {ZONE: frozenset(("Zone:Read",))},
        "elsewhere": {"other.example": ALL},
    }

    async def whole() -> None:
        from tests.twin.judged_cloudflare import judged_cloudflare

        async with judged_cloudflare(database, ZONE, "other.example", tokens=tokens) as twin:
            zones = {row["name"]: row["id"] for row in rows(database, "SELECT * FROM zones")}
            path = f"/zones/{zones[ZONE]}"
            seen = {}
            for token in (*tokens, "unknown", ""):
                ask = Asker(twin, token)
                verify = (await ask("GET", "/user/tokens/verify")).status_code
                names = [one["name"] for one in (await ask("GET", "/zones")).json()["result"] or ()]
                codes = [
                    (await ask("GET", path)).status_code,
                    (await ask("GET", f"{path}/dns_records")).status_code,
                    (await ask("POST", f"{path}/dns_records", RECORD)).status_code,
                    (await ask("GET", f"/certificates?zone_id={zones[ZONE]}")).status_code,
                    (await ask("GET", "/ips")).status_code,
                ]
                seen[token] = (verify, names, codes)
                await ask.close()
            assert seen == {
                "all": (200, [ZONE, "other.example"], [200, 200, 200, 200, 200]),
                "reads": (200, [ZONE], [200, 403, 403, 403, 200]),
                "elsewhere": (200, ["other.example"], [403, 403, 403, 403, 200]),
                "unknown": (401, [], [403, 403, 403, 403, 200]),
                "": (400, [], [400, 400, 400, 400, 200]),
            }

    asyncio.run(whole())


def test_the_published_networks_are_told_or_those_that_were_given(tmp_path: pathlib.Path) -> None:
    async def published(ask: Asker) -> None:
        told = (await ask("GET", "/ips")).json()["result"]
        assert "173.245.48.0/20" in told["ipv4_cidrs"]
        assert "2400:cb00::/32" in told["ipv6_cidrs"]

    async def given(ask: Asker) -> None:
        told = (await ask("GET", "/ips")).json()["result"]
        assert (told["ipv4_cidrs"], told["ipv6_cidrs"]) == (["198.18.250.0/24"], [])

    run(tmp_path, published)
    run(tmp_path, given, networks=("198.18.250.0/24",))


def test_no_token_is_written_down(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        await ask.record("A", "api", "198.18.7.5")

    run(tmp_path, case)
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert TOKEN.encode() not in held
    assert (tmp_path / "twin.db").stat().st_mode & 0o777 == 0o600


def test_faults_strike_by_call_and_an_answer_may_be_lost_after_the_deed(tmp_path: pathlib.Path) -> None:
    import httpx

    operation = "POST /client/v4/zones/{zone_id}/dns_records"
    script = Script(
        rules=(Rule(operation, Fault("cut", "after")), Rule(operation, Fault("error", status=502), skip=1))
    )

    async def case(ask: Asker) -> None:
        path = f"/zones/{await ask.zone()}/dns_records"
        with pytest.raises(httpx.RemoteProtocolError):
            await ask("POST", path, RECORD)
        assert await listed(ask) == [f"api.{ZONE} 198.18.7.5"]
        broken = await ask("POST", path, {**RECORD, "name": "www"})
        assert (broken.status_code, broken.json()["success"]) == (502, False)
        assert len(await listed(ask)) == 1

    run(tmp_path, case, faults=script)
