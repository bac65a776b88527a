"""What a simulator of DigitalOcean must reproduce and its OpenAPI document does not demand: one test each."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from dynia.twin.digitalocean.api import ROUTES
from dynia.twin.digitalocean.cloud import Quota
from dynia.twin.faults import Fault, Rule, Script
from tests.openapi.judge import digitalocean
from tests.twin.judged import Asker, asking, rows

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEr5zR3c0h1mE0VnXkO5w1xYcY2h4m0E3xq0Yw8nC7bV me"
ORDER = {"name": "web-1", "size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "lon1"}
RULES = {"inbound_rules": [{"protocol": "tcp", "ports": "80", "sources": {"addresses": ["0.0.0.0/0"]}}]}


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


def test_every_operation_of_the_document_is_served_with_its_scopes() -> None:
    wanted = {
        name: tuple(scope for scheme in operation["security"] for scope in scheme["bearer_auth"])
        for name, operation in digitalocean().operations().items()
    }
    assert {route.operation: route.scopes for route in ROUTES} == wanted


def test_creating_answers_202_or_201_and_deleting_204(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        made = await ask("POST", "/v2/droplets", ORDER)
        droplet = made.json()["droplet"]["id"]
        await ask.done(made.json()["links"]["actions"][0]["id"])
        address = await ask("POST", "/v2/reserved_ips", {"region": "lon1"})
        ip = address.json()["reserved_ip"]["ip"]
        key = await ask("POST", "/v2/account/keys", {"name": "me", "public_key": KEY})
        tag = await ask("POST", "/v2/tags", {"name": "web"})
        vpc = await ask("POST", "/v2/vpcs", {"name": "inside", "region": "lon1"})
        assign = await ask(
            "POST", f"/v2/reserved_ips/{ip}/actions", {"type": "assign", "droplet_id": droplet}
        )
        await ask.done(assign.json()["action"]["id"])
        off = await ask("POST", f"/v2/droplets/{droplet}/actions", {"type": "power_off"})
        await ask.done(off.json()["action"]["id"])
        wall = await ask("POST", "/v2/firewalls", {"name": "wall", **RULES})
        wall_id = wall.json()["firewall"]["id"]
        put = await ask("PUT", f"/v2/firewalls/{wall_id}", {"name": "wall", **RULES})
        codes = [one.status_code for one in (made, address, wall, key, tag, vpc, assign, off, put)]
        assert codes == [202, 202, 202, 201, 201, 201, 201, 201, 200]
        resource = {"resources": [{"resource_id": str(droplet), "resource_type": "droplet"}]}
        gone = [
            await ask("POST", "/v2/tags/web/resources", resource),
            await ask("DELETE", "/v2/tags/web/resources", resource),
            await ask("POST", f"/v2/firewalls/{wall_id}/droplets", {"droplet_ids": [droplet]}),
            await ask("DELETE", f"/v2/firewalls/{wall_id}/droplets", {"droplet_ids": [droplet]}),
            await ask("POST", f"/v2/firewalls/{wall_id}/tags", {"tags": ["web"]}),
            await ask("DELETE", f"/v2/firewalls/{wall_id}/tags", {"tags": ["web"]}),
            await ask("DELETE", f"/v2/firewalls/{wall_id}"),
            await ask("DELETE", f"/v2/vpcs/{vpc.json()['vpc']['id']}"),
            await ask("DELETE", f"/v2/account/keys/{key.json()['ssh_key']['id']}"),
            await ask("DELETE", f"/v2/reserved_ips/{ip}"),
            await ask("DELETE", f"/v2/droplets/{droplet}"),
            await ask("DELETE", "/v2/tags/web"),
            await ask("DELETE", "/v2/droplets?tag_name=web"),
        ]
        assert [(one.status_code, one.content) for one in gone] == [(204, b"")] * 13

    run(tmp_path, case)


def test_202_says_nothing_about_success(tmp_path: pathlib.Path) -> None:
    script = Script(rules=(Rule("POST /v2/droplets", Fault("doom")),))

    async def case(ask: Asker) -> None:
        made = await ask("POST", "/v2/droplets", ORDER)
        assert made.status_code == 202
        assert (await ask.done(made.json()["links"]["actions"][0]["id"]))["status"] == "errored"
        assert (await ask("GET", f"/v2/droplets/{made.json()['droplet']['id']}")).status_code == 404

    run(tmp_path, case, faults=script)


def test_a_new_droplet_is_new_without_addresses_and_tells_its_action(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        made = (await ask("POST", "/v2/droplets", ORDER)).json()
        assert made["droplet"]["status"] == "new"
        assert made["droplet"]["networks"] == {"v4": [], "v6": []}
        (link,) = made["links"]["actions"]
        assert link["rel"] == "create"
        assert link["href"].endswith(f"/v2/actions/{link['id']}")
        assert (await ask.done(link["id"]))["type"] == "create"
        up = (await ask("GET", f"/v2/droplets/{made['droplet']['id']}")).json()["droplet"]
        assert up["status"] == "active"
        assert {one["type"] for one in up["networks"]["v4"]} == {"public", "private"}

    run(tmp_path, case)


def test_a_reserved_ip_is_for_a_droplet_or_for_a_region(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        droplet = await ask.droplet()
        both = await ask("POST", "/v2/reserved_ips", {"droplet_id": droplet, "region": "lon1"})
        none = await ask("POST", "/v2/reserved_ips", {})
        assert (both.status_code, none.status_code) == (422, 422)
        made = (await ask("POST", "/v2/reserved_ips", {"droplet_id": droplet})).json()
        assert made["reserved_ip"]["locked"] is True
        assert made["reserved_ip"]["droplet"] is None
        (link,) = made["links"]["actions"]
        assert link["rel"] == "assign_ip"
        await ask.done(link["id"])
        now = (await ask("GET", f"/v2/reserved_ips/{made['reserved_ip']['ip']}")).json()["reserved_ip"]
        assert (now["locked"], now["droplet"]["id"]) == (False, droplet)

    run(tmp_path, case)


def test_a_locked_address_and_a_busy_droplet_refuse_further_actions(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        droplet, other = await ask.droplet(), await ask.droplet("web-2")
        ip = (await ask("POST", "/v2/reserved_ips", {"droplet_id": droplet})).json()["reserved_ip"]["ip"]
        again = await ask("POST", f"/v2/reserved_ips/{ip}/actions", {"type": "assign", "droplet_id": other})
        release = await ask("DELETE", f"/v2/reserved_ips/{ip}")
        off = await ask("POST", f"/v2/droplets/{other}/actions", {"type": "power_off"})
        on = await ask("POST", f"/v2/droplets/{other}/actions", {"type": "power_on"})
        delete = await ask("DELETE", f"/v2/droplets/{other}")
        assert off.status_code == 201
        for refused in (again, release, on, delete):
            assert refused.status_code == 422
            assert "pending event" in refused.json()["message"]

    run(tmp_path, case, delay=3)


def test_requests_say_assign_and_actions_say_assign_ip(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        droplet = await ask.droplet()
        ip = (await ask("POST", "/v2/reserved_ips", {"region": "lon1"})).json()["reserved_ip"]["ip"]
        for said, told in (("assign", "assign_ip"), ("unassign", "unassign_ip")):
            body = {"type": said, **({"droplet_id": droplet} if said == "assign" else {})}
            begun = (await ask("POST", f"/v2/reserved_ips/{ip}/actions", body)).json()["action"]
            assert (begun["type"], begun["status"]) == (told, "in-progress")
            assert (await ask.done(begun["id"]))["status"] == "completed"
        wrong = await ask("POST", f"/v2/reserved_ips/{ip}/actions", {"type": "assign_ip"})
        assert wrong.status_code == 422
        listed = (await ask("GET", f"/v2/reserved_ips/{ip}/actions")).json()
        assert [one["type"] for one in listed["actions"]] == ["unassign_ip", "assign_ip"]

    run(tmp_path, case)


def test_errors_have_an_id_and_a_message_and_422_happens(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        for method, path, body, status in (
            ("POST", "/v2/droplets", {**ORDER, "size": "s-9vcpu"}, 422),
            ("POST", "/v2/droplets", {**ORDER, "region": "ams2"}, 422),
            ("POST", "/v2/droplets", {**ORDER, "image": "debian-1"}, 422),
            ("POST", "/v2/droplets", {**ORDER, "ssh_keys": ["00:11"]}, 422),
            ("POST", "/v2/droplets", {**ORDER, "user_data": "x" * 65537}, 422),
            ("GET", "/v2/droplets/1", None, 404),
            ("DELETE", "/v2/reserved_ips/198.19.1.1", None, 404),
        ):
            refused = await ask(method, path, body)
            assert refused.status_code == status
            assert set(refused.json()) == {"id", "message", "request_id"}
        assert rows(tmp_path / "twin.db", "SELECT id FROM droplets") == []

    run(tmp_path, case)


def test_a_vpc_that_is_default_or_used_is_not_deleted(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        vpc = (await ask("POST", "/v2/vpcs", {"name": "inside", "region": "lon1"})).json()["vpc"]["id"]
        await ask.droplet()
        droplet = await ask.droplet("web-2", vpc_uuid=vpc)
        listed = (await ask("GET", "/v2/vpcs")).json()["vpcs"]
        (default,) = (one["id"] for one in listed if one["default"])
        assert (await ask("DELETE", f"/v2/vpcs/{default}")).status_code == 403
        assert (await ask("DELETE", f"/v2/vpcs/{vpc}")).status_code == 403
        assert (await ask("DELETE", f"/v2/droplets/{droplet}")).status_code == 204
        assert (await ask("DELETE", f"/v2/vpcs/{vpc}")).status_code == 204

    run(tmp_path, case)


def test_pages_have_20_at_most_200_a_total_and_links_that_exist(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        for number in range(203):
            await ask("POST", "/v2/tags", {"name": f"t{number}"})

        async def page(query: str) -> tuple[int, int, set[str]]:
            got = (await ask("GET", f"/v2/tags{query}")).json()
            return len(got["tags"]), got["meta"]["total"], set(got["links"].get("pages", ()))

        assert await page("") == (20, 203, {"next", "last"})
        assert await page("?page=2") == (20, 203, {"first", "prev", "next", "last"})
        assert await page("?page=11") == (3, 203, {"first", "prev"})
        assert await page("?per_page=200&page=1") == (200, 203, {"next", "last"})
        forward = (await ask("GET", "/v2/tags?per_page=200")).json()["links"]["pages"]["next"]
        rest = (await ask("GET", forward)).json()
        assert [one["name"] for one in rest["tags"]] == ["t200", "t201", "t202"]
        alone = (await ask("GET", "/v2/account/keys")).json()
        assert (alone["links"], alone["meta"]) == ({}, {"total": 0})

    run(tmp_path, case)


def test_250_calls_a_minute_and_then_429_that_says_how_long(tmp_path: pathlib.Path) -> None:
    clock = Clock()

    async def case(ask: Asker) -> None:
        first = await ask("GET", "/v2/account")
        assert first.headers["ratelimit-limit"] == "5000"
        assert first.headers["ratelimit-remaining"] == "4999"
        assert int(first.headers["ratelimit-reset"]) == int(clock.now) + 3600
        assert "retry-after" not in first.headers
        clock.now += 10
        for _ in range(249):
            assert (await ask("GET", "/v2/account")).status_code == 200
        slow = await ask("GET", "/v2/account")
        assert (slow.status_code, slow.headers["retry-after"]) == (429, "50")
        assert slow.headers["ratelimit-remaining"] == "4750"
        clock.now += 50
        assert (await ask("GET", "/v2/account")).status_code == 200

    run(tmp_path, case, clock=clock)


def test_the_hour_slides_and_its_429_has_no_retry_after(tmp_path: pathlib.Path) -> None:
    clock = Clock()

    async def case(ask: Asker) -> None:
        await ask("GET", "/v2/account")
        clock.now += 1800
        for _ in range(3):
            await ask("GET", "/v2/account")
        over = await ask("GET", "/v2/account")
        assert over.status_code == 429
        assert "retry-after" not in over.headers
        assert over.headers["ratelimit-remaining"] == "0"
        assert int(over.headers["ratelimit-reset"]) == int(clock.now) + 1800
        clock.now += 1800
        assert (await ask("GET", "/v2/account")).status_code == 200
        assert (await ask("GET", "/v2/account")).status_code == 429

    run(tmp_path, case, clock=clock, quota=Quota(hour=4))


def test_keys_are_listed_ten_times_a_minute(tmp_path: pathlib.Path) -> None:
    clock = Clock()

    async def case(ask: Asker) -> None:
        codes = [(await ask("GET", "/v2/account/keys")).status_code for _ in range(11)]
        assert codes == [200] * 10 + [429]
        assert (await ask("GET", "/v2/account")).status_code == 200

    run(tmp_path, case, clock=clock)


def test_a_tag_and_a_name_cannot_be_asked_for_together(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        await ask.droplet(tags=["web"])
        await ask.droplet("web-2")
        both = await ask("GET", "/v2/droplets?tag_name=web&name=web-1")
        by_tag = (await ask("GET", "/v2/droplets?tag_name=web")).json()["droplets"]
        by_name = (await ask("GET", "/v2/droplets?name=web-2")).json()["droplets"]
        assert both.status_code == 422
        assert [one["name"] for one in by_tag + by_name] == ["web-1", "web-2"]

    run(tmp_path, case)


def test_put_of_a_firewall_resets_what_is_left_out(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        droplet = await ask.droplet()
        made = await ask("POST", "/v2/firewalls", {"name": "wall", "droplet_ids": [droplet], **RULES})
        path = f"/v2/firewalls/{made.json()['firewall']['id']}"
        assert made.json()["firewall"]["droplet_ids"] == [droplet]
        await ask("PUT", path, {"name": "wall", **RULES})
        assert (await ask("GET", path)).json()["firewall"]["droplet_ids"] == []

    run(tmp_path, case)


def test_after_its_delete_a_droplet_is_404_and_its_reserved_ip_fell_off(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        droplet = await ask.droplet(tags=["web"])
        made = (await ask("POST", "/v2/reserved_ips", {"droplet_id": droplet})).json()
        await ask.done(made["links"]["actions"][0]["id"])
        assert (await ask("DELETE", f"/v2/droplets/{droplet}")).status_code == 204
        for method, path in (
            ("GET", f"/v2/droplets/{droplet}"),
            ("DELETE", f"/v2/droplets/{droplet}"),
            ("POST", f"/v2/droplets/{droplet}/actions"),
        ):
            body = {"type": "power_on"} if method == "POST" else None
            assert (await ask(method, path, body)).status_code == 404
        assert (await ask("GET", "/v2/droplets?tag_name=web")).json()["droplets"] == []
        (left,) = (await ask("GET", "/v2/reserved_ips")).json()["reserved_ips"]
        assert left["droplet"] is None

    run(tmp_path, case)


def test_the_quota_of_droplets_and_of_reserved_ips_is_kept(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        told = (await ask("GET", "/v2/account")).json()["account"]
        assert (told["droplet_limit"], told["floating_ip_limit"]) == (2, 1)
        both = {key: value for key, value in ORDER.items() if key != "name"} | {"names": ["a", "b"]}
        made = await ask("POST", "/v2/droplets", both)
        assert [one["name"] for one in made.json()["droplets"]] == ["a", "b"]
        assert (await ask("POST", "/v2/droplets", ORDER)).status_code == 422
        assert (await ask("POST", "/v2/reserved_ips", {"region": "lon1"})).status_code == 202
        assert (await ask("POST", "/v2/reserved_ips", {"region": "lon1"})).status_code == 422

    run(tmp_path, case, quota=Quota(droplets=2, reserved_ips=1))


def test_a_token_must_be_known_and_have_the_scope(tmp_path: pathlib.Path) -> None:
    tokens = {"reader": frozenset({"droplet:read"}), "all": None}

    async def case(ask: Asker) -> None:
        assert (await ask("GET", "/v2/droplets")).status_code == 200
        refused = await ask("POST", "/v2/droplets", ORDER)
        assert (refused.status_code, refused.json()["id"]) == (403, "Forbidden")

    async def stranger(ask: Asker) -> None:
        assert (await ask("GET", "/v2/droplets")).status_code == 401

    run(tmp_path, case, tokens=tokens, token="reader")
    run(tmp_path, stranger, tokens=tokens, token="nobody")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cut_connection_has_no_answer_and_after_the_deed_it_is_done(
    tmp_path: pathlib.Path, when: str
) -> None:
    script = Script(rules=(Rule("POST /v2/droplets", Fault("cut", when)),))  # type: ignore[arg-type]

    async def case(ask: Asker) -> None:
        with pytest.raises(httpx.HTTPError):
            await ask("POST", "/v2/droplets", ORDER)
        made = (await ask("GET", "/v2/droplets")).json()["droplets"]
        assert len(made) == (1 if when == "after" else 0)

    run(tmp_path, case, faults=script)


def test_a_script_counts_calls_and_can_be_sent_while_it_runs(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        script = {"rules": [{"call": "GET /v2/tags", "fault": {"kind": "error"}, "skip": 1, "times": 2}]}
        assert (await ask("PUT", "/twin/faults", script)).status_code == 204
        codes = [(await ask("GET", "/v2/tags")).status_code for _ in range(4)]
        assert codes == [200, 503, 503, 200]
        assert (await ask("PUT", "/twin/faults", {"rulez": []})).status_code == 400

    run(tmp_path, case)


def test_the_token_is_not_in_the_database_and_others_cannot_read_it(tmp_path: pathlib.Path) -> None:
    async def case(ask: Asker) -> None:
        await ask.droplet()

    run(tmp_path, case, token="dop_v1_secret")
    for file in tmp_path.iterdir():
        assert b"dop_v1_secret" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
