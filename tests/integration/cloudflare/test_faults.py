"""Whatever the API does, nothing is made twice and nothing is lost: judged from the twin's database."""

from __future__ import annotations

import asyncio
import pathlib
import time
from collections.abc import Awaitable, Callable

import pytest

from dynia.interfaces.errors import DyniaError, NotObservedError, Refused
from dynia.interfaces.observed import DnsRecord
from dynia.providers.dns.cloudflare.account import Account
from dynia.providers.dns.cloudflare.origin_ca import OriginCa
from dynia.providers.dns.cloudflare.provider import CloudflareDnsProvider
from dynia.providers.pace import Patience
from dynia.providers.protocols import DnsMark, DnsWish
from dynia.twin.cloudflare.edge import Quota
from dynia.twin.cloudflare.server import CloudflareTwin
from dynia.twin.faults import Fault, Rate, Rule, Script
from tests.integration.cloudflare.requests import signing_request
from tests.twin.judged import rows
from tests.twin.judged_cloudflare import TOKEN, ZONE, cloudflare_in_a_thread

# Few attempts: a call fails for good now and then, and the next try has to pick up what it left.
HASTY = Patience(calls=10_000, attempts=2, base=0.01, cap=0.02, poll=0.01, slowest=0.03, within=10.0)
ROOMY = Quota(calls=100_000)
TRIES = 5
MARK = DnsMark(lineage="a" * 32, cluster="prod")
OURS, CHALLENGE = "198.18.7.5", "c" * 43
CSR = signing_request(f"api.{ZONE}")

RECORDS, RECORD = (
    "/client/v4/zones/{zone_id}/dns_records",
    "/client/v4/zones/{zone_id}/dns_records/{dns_record_id}",
)
MUTATING = (
    f"POST {RECORDS}",
    f"PATCH {RECORD}",
    f"PUT {RECORD}",
    f"DELETE {RECORD}",
    "POST /client/v4/certificates",
    "DELETE /client/v4/certificates/{certificate_id}",
)
FAULTS = (
    Fault("delay", seconds=0.2),
    Fault("delay", "after", seconds=0.2),
    Fault("error", status=500),
    Fault("error", status=503),
    Fault("error", "after", status=502),
    Fault("cut"),
    Fault("cut", "after"),
    Fault("late", seconds=0.05),
    Fault("limit"),
)
HARDEST = ("cut-after", "late-before")


class Run:
    """One run of Dynia's: it remembers nothing of those before."""

    def __init__(self, url: str) -> None:
        self.names = CloudflareDnsProvider(Account(TOKEN, url), HASTY)
        self.authority = OriginCa(Account(TOKEN, url), HASTY)

    async def at(self, word: str) -> list[DnsRecord]:
        return list(await self.names.look_up(ZONE, f"{word}.{ZONE}", MARK))


def a(word: str) -> DnsWish:
    return DnsWish(name=f"{word}.{ZONE}", type="A", value=OURS)


async def wanted(run: Run) -> None:
    """A name is bound, a second one as an alias and then as an address, somebody else's is taken over; a
    challenge comes and goes; a certificate is issued."""
    await run.names.create_record(ZONE, a("api"), MARK)
    if not await run.at("www"):
        alias = DnsWish(name=f"www.{ZONE}", type="CNAME", value=f"api.{ZONE}")
        await run.names.create_record(ZONE, alias, MARK)
    for word in ("www", "shop"):
        (found,) = await run.at(word)
        await run.names.adopt_record(ZONE, found.record_id, a(word), MARK)
    await run.authority.issue((f"api.{ZONE}",), CSR)
    await run.names.put_text(ZONE, f"_acme-challenge.api.{ZONE}", CHALLENGE)
    await run.names.drop_text(ZONE, f"_acme-challenge.api.{ZONE}", CHALLENGE)


async def nothing(run: Run) -> None:
    for found in await run.names.list_records(ZONE, MARK):
        if found.ours:
            await run.names.delete_record(ZONE, found.record_id, MARK)
    for certificate in await run.authority.issued(ZONE):
        await run.authority.revoke(ZONE, certificate.certificate_id)


def tried(twin: CloudflareTwin, deed: Callable[[Run], Awaitable[None]]) -> int:
    """Again and again, as a person would; how often it took. Only errors in words may come out."""

    async def once() -> None:
        await deed(Run(twin.url))

    for count in range(1, TRIES + 1):
        try:
            asyncio.run(once())
        except DyniaError as error:
            assert error.message.isprintable()
        else:
            return count
    raise AssertionError(f"not converged in {TRIES} tries")


def by_hand(twin: CloudflareTwin) -> None:
    """What is there before Dynia comes: a record that will be taken over, and two that nobody may touch."""
    import httpx

    with httpx.Client(base_url=f"{twin.url}/client/v4", headers={"Authorization": f"Bearer {TOKEN}"}) as hand:
        zone = hand.get(f"/zones?name={ZONE}").json()["result"][0]["id"]
        for name, content in (("shop", "203.0.113.7"), ("api2", OURS), ("mail", "203.0.113.9")):
            body = {"type": "A", "name": name, "content": content}
            assert hand.post(f"/zones/{zone}/dns_records", json=body).status_code == 200


def foreign(database: pathlib.Path) -> list[dict[str, object]]:
    return rows(database, "SELECT * FROM records WHERE name LIKE 'api2%' OR name LIKE 'mail%' ORDER BY name")


def judge_up(database: pathlib.Path) -> None:
    mark = f"dynia lineage={MARK.lineage} cluster={MARK.cluster}"
    ours = rows(database, "SELECT * FROM records WHERE comment = ? AND deleted IS NULL ORDER BY name", mark)
    assert [(one["name"], one["type"], one["content"]) for one in ours] == [
        (f"{word}.{ZONE}", "A", OURS) for word in ("api", "shop", "www")
    ]
    # made once each, ever
    made = "SELECT name FROM records WHERE type <> 'TXT' ORDER BY name"
    assert [one["name"] for one in rows(database, made)] == [
        f"{word}.{ZONE}" for word in ("api", "api2", "mail", "shop", "www")
    ]
    assert rows(database, "SELECT * FROM records WHERE type = 'TXT' AND deleted IS NULL") == []
    (certificate,) = rows(database, "SELECT * FROM certificates")
    assert certificate["revoked"] is None


def judge_down(database: pathlib.Path) -> None:
    left = rows(database, "SELECT name FROM records WHERE deleted IS NULL ORDER BY name")
    assert [one["name"] for one in left] == [f"api2.{ZONE}", f"mail.{ZONE}"]
    assert rows(database, "SELECT * FROM certificates WHERE revoked IS NULL") == []


@pytest.mark.parametrize(
    "seed", [seed if seed < 2 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(10)]
)
def test_a_fifth_of_all_calls_fails_and_it_converges_within_five_tries(
    tmp_path: pathlib.Path, seed: int
) -> None:
    database = tmp_path / "twin.db"
    with cloudflare_in_a_thread(database, quota=ROOMY) as twin:
        by_hand(twin)
        before = foreign(database)
        twin.faults.load(Script(rate=Rate(share=0.2, seed=seed)))
        tries = tried(twin, wanted)
        judge_up(database)
        tries_down = tried(twin, nothing)
        judge_down(database)
        assert foreign(database) == before
    struck = rows(database, "SELECT count(*) AS n FROM requests WHERE fault <> ''")[0]["n"]
    every = rows(database, "SELECT count(*) AS n FROM requests WHERE counted")[0]["n"]
    print(f"seed {seed}: {struck} of {every} calls struck, {tries} tries up, {tries_down} down")
    assert struck / every > 0.1


@pytest.mark.parametrize(
    "fault",
    [one if str(one) in HARDEST else pytest.param(one, marks=pytest.mark.slow) for one in FAULTS],
    ids=str,
)
@pytest.mark.parametrize("call", MUTATING)
def test_every_fault_at_every_mutating_call(tmp_path: pathlib.Path, call: str, fault: Fault) -> None:
    """The first such call meets it. The table has no empty cell: it is seen in the twin's database."""
    database = tmp_path / "twin.db"
    with cloudflare_in_a_thread(database, quota=ROOMY) as twin:
        by_hand(twin)
        before = foreign(database)
        twin.faults.load(Script(rules=(Rule(call, fault),)))
        tried(twin, wanted)
        judge_up(database)
        tried(twin, nothing)
        judge_down(database)
        assert foreign(database) == before
    struck = rows(database, "SELECT operation, fault FROM requests WHERE fault <> ''")
    assert struck == [{"operation": call, "fault": str(fault)}]


def test_the_table_has_every_call_of_the_document_that_changes_something() -> None:
    from tests.openapi.judge import cloudflare

    changing = {name for name in cloudflare().operations() if not name.startswith("GET")}
    assert {call.replace("/client/v4", "") for call in MUTATING} == changing


def at(database: pathlib.Path, operation: str) -> list[float]:
    found = rows(database, "SELECT at FROM requests WHERE operation = ? ORDER BY id", operation)
    return [one["at"] for one in found]


def listing(twin: CloudflareTwin, patience: Patience | None = None) -> tuple[DnsRecord, ...]:
    provider = CloudflareDnsProvider(Account(TOKEN, twin.url), patience)
    return asyncio.run(provider.list_records(ZONE, MARK))


def test_retry_after_is_respected(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    script = Script(rules=(Rule(f"GET {RECORDS}", Fault("limit", seconds=2)),))
    with cloudflare_in_a_thread(database, faults=script) as twin:
        assert listing(twin) == ()
    first, second = at(database, f"GET {RECORDS}")
    assert second - first >= 2.0


def test_a_wait_of_five_minutes_is_told_instead(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with cloudflare_in_a_thread(database, quota=Quota(calls=1)) as twin:
        words = r"no answer to dns\.records\.list \(too many requests, asked 1 times; it asks to wait \d+ s\)"
        with pytest.raises(NotObservedError, match=words):
            listing(twin)
    assert len(at(database, f"GET {RECORDS}")) == 1


def test_a_vendor_that_does_not_answer_is_not_observed(tmp_path: pathlib.Path) -> None:
    script = Script(rules=(Rule("*", Fault("error"), times=0),))
    quick = Patience(base=0.01, cap=0.02)
    with (
        cloudflare_in_a_thread(tmp_path / "twin.db", faults=script) as twin,
        pytest.raises(NotObservedError, match=r"no answer to zones\.list \(HTTP 503, asked 6 times\)"),
    ):
        listing(twin, quick)
    with pytest.raises(NotObservedError, match=r"no answer to zones\.list \(.*connect") as caught:
        listing(twin, quick)
    assert "cloudflarestatus" in caught.value.hint


def test_no_more_calls_than_the_pace_allows(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    with cloudflare_in_a_thread(database, quota=ROOMY) as twin:
        provider = CloudflareDnsProvider(Account(TOKEN, twin.url), Patience(calls=20, window=1.0))

        async def many() -> None:
            await asyncio.gather(*(provider.zones() for _ in range(70)))

        begun = time.time()
        asyncio.run(many())
    seen = at(database, "GET /client/v4/zones")
    assert len(seen) == 70
    # How calls lie within the window is the machine's to say; that none came before its turn is not.
    for turn in (1, 2, 3):
        assert sum(1 for one in seen if one < begun + turn) <= 20 * turn


def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_of_two_runs_at_once_one_makes_the_record_and_both_have_it(tmp_path: pathlib.Path) -> None:
    """Between the look and the call the other one was faster: the vendor refuses, and it is looked at again."""
    database = tmp_path / "twin.db"
    script = Script(rules=(Rule(f"POST {RECORDS}", Fault("hold")),))
    with cloudflare_in_a_thread(database, quota=ROOMY, faults=script) as twin:

        async def both() -> None:
            slow = asyncio.create_task(Run(twin.url).names.create_record(ZONE, a("api"), MARK))
            await asyncio.to_thread(until, lambda: bool(at(database, f"POST {RECORDS}")))
            fast = await Run(twin.url).names.create_record(ZONE, a("api"), MARK)
            twin.faults.load(Script())
            assert await slow == fast

        asyncio.run(both())
    assert len(rows(database, "SELECT * FROM records")) == 1
    refused = rows(
        database, "SELECT status FROM requests WHERE operation = ? AND status = 400", f"POST {RECORDS}"
    )
    assert len(refused) == 1


def test_who_comes_in_between_with_the_same_record_keeps_it(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "twin.db"
    script = Script(rules=(Rule(f"POST {RECORDS}", Fault("hold")),))
    other = DnsMark(lineage="b" * 32, cluster="prod")
    with cloudflare_in_a_thread(database, quota=ROOMY, faults=script) as twin:

        async def both() -> None:
            slow = asyncio.create_task(Run(twin.url).names.create_record(ZONE, a("api"), MARK))
            await asyncio.to_thread(until, lambda: bool(at(database, f"POST {RECORDS}")))
            await Run(twin.url).names.create_record(ZONE, a("api"), other)
            twin.faults.load(Script())
            with pytest.raises(Refused, match="in the way"):
                await slow

        asyncio.run(both())
    (kept,) = rows(database, "SELECT * FROM records")
    assert other.lineage in kept["comment"]
