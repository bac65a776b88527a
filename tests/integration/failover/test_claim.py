"""When a node claims the reserved IP, and when it must not: the real script, a real curl, all on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.failover.unit import SECOND, Unit, until
from tests.integration.failover.vendor import ADDRESS, TOKEN, Cloud, uptime

ENOUGH = 9  # of its seconds: more than the five, and two at random, after which a silent address is claimed


def claimed(cloud: Cloud, number: int = 1) -> None:
    until(lambda: len(cloud.claims) >= number, f"{len(cloud.claims)} claims, not {number}")


def test_a_node_that_becomes_master_claims_once(cloud: Cloud, b: Unit) -> None:
    assert cloud.claims == []
    cloud.dead.add("a")
    b.role("MASTER")
    claimed(cloud)
    b.lives(ENOUGH)
    (claim,) = cloud.claims
    assert claim.path == f"/v2/reserved_ips/{ADDRESS}/actions"
    assert json.loads(claim.body) == {"type": "assign", "droplet_id": cloud.ids["b"]}
    assert (claim.authorization, cloud.owner) == (f"Bearer {TOKEN}", "b")


def test_the_token_is_in_no_command_line_and_no_environment(cloud: Cloud, b: Unit) -> None:
    b.role("MASTER")
    claimed(cloud)
    processes = cloud.claims[0].processes
    assert "/v2/reserved_ips/" in processes, "curl was not seen at work"
    assert TOKEN not in processes
    assert TOKEN not in Path(f"/proc/{b.pid}/environ").read_text() and TOKEN not in b.said()
    assert b.pipe_is_private()
    assert TOKEN in b.token.read_text()


@pytest.mark.parametrize("role", ["BACKUP", "FAULT", "STOP", ""])
def test_no_other_role_claims_even_if_the_address_answers_nobody(cloud: Cloud, b: Unit, role: str) -> None:
    cloud.owner = ""
    b.role(role)
    b.lives(ENOUGH)
    assert cloud.claims == []


def test_who_has_the_address_claims_nothing(cloud: Cloud, a: Unit) -> None:
    for _ in range(3):
        a.role("BACKUP")
        a.role("MASTER")
        a.looks(3)
    assert cloud.claims == []


def test_no_claim_while_the_own_haproxy_is_silent(cloud: Cloud, b: Unit) -> None:
    cloud.dead.update("ab")
    b.role("MASTER")
    b.lives(ENOUGH)
    assert cloud.claims == []
    cloud.dead.discard("b")
    claimed(cloud)


def test_two_nodes_that_do_not_hear_each_other_move_the_address_once(cloud: Cloud, a: Unit, b: Unit) -> None:
    """Both are MASTER and stay so; whoever lost the address sees that another node answers there."""
    b.role("MASTER")
    claimed(cloud)
    a.lives(ENOUGH)
    b.lives(ENOUGH)
    assert [claim.node for claim in cloud.claims] == ["b"] and cloud.asked
    # They hear each other again. a's adverts would be the weaker ones: it has the address no more.
    assert (a.weight(), b.weight()) == (-200, 0)


def test_an_address_that_answers_nobody_is_claimed_again(cloud: Cloud, a: Unit, b: Unit) -> None:
    b.role("MASTER")
    claimed(cloud)
    a.looks(5)
    cloud.dead.add("b")
    dead = uptime()
    claimed(cloud, 2)
    assert [claim.node for claim in cloud.claims] == ["b", "a"]
    assert cloud.claims[1].at - dead >= 5 * SECOND


def test_a_short_silence_of_the_address_is_no_reason(cloud: Cloud, a: Unit) -> None:
    cloud.owner = "b"
    a.looks(5)
    for _ in range(4):
        cloud.dead.add("b")
        a.lives(2)
        cloud.dead.discard("b")
        a.lives(2)
    assert cloud.claims == []


@pytest.mark.parametrize("answers", [[422], [429], [500, 503], [0, 0], [422, 429, 500, 0]])
def test_a_claim_that_failed_is_tried_again(cloud: Cloud, b: Unit, answers: list[int]) -> None:
    cloud.answers = list(answers)
    cloud.dead.add("a")
    b.role("MASTER")
    claimed(cloud, len(answers) + 1)
    b.lives(2)
    assert cloud.owner == "b" and len(cloud.claims) == len(answers) + 1


def test_the_provider_says_when_to_ask_again(cloud: Cloud, b: Unit) -> None:
    cloud.answers, cloud.retry_after = [429], "7"
    b.role("MASTER")
    claimed(cloud)
    claimed(cloud, 2)
    assert cloud.claims[1].at - cloud.claims[0].at >= 7 * SECOND and "again in 7 s" in b.said()


def test_claims_that_always_fail_come_to_an_end(cloud: Cloud, b: Unit) -> None:
    cloud.answers = [422] * 1000
    b.role("MASTER")
    claimed(cloud, 8)
    b.lives(ENOUGH)
    assert len(cloud.claims) == 8, "the other node still answers, so nothing is gained by more"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_that_is_refused_is_said_and_not_hammered(cloud: Cloud, b: Unit, status: int) -> None:
    cloud.answers = [status] * 1000
    cloud.dead.add("a")
    b.role("MASTER")
    claimed(cloud)
    b.lives(ENOUGH)
    assert len(cloud.claims) == 1 and "DYNIA_FAILOVER_TOKEN" in b.said()


def test_an_answer_that_was_lost_after_the_deed_costs_no_second_call(cloud: Cloud, b: Unit) -> None:
    cloud.answers = [-201]
    b.role("MASTER")
    claimed(cloud)
    b.lives(ENOUGH)
    assert len(cloud.claims) == 1 and cloud.owner == "b"


def test_a_claim_that_is_accepted_and_not_yet_done_is_waited_for(cloud: Cloud, b: Unit) -> None:
    cloud.delayed = True
    cloud.dead.add("a")
    b.role("MASTER")
    claimed(cloud)
    b.lives(3)
    assert len(cloud.claims) == 1
    cloud.owner = "b"
    b.lives(ENOUGH)
    assert len(cloud.claims) == 1


def test_an_action_that_the_provider_dropped_is_claimed_again(cloud: Cloud, b: Unit) -> None:
    cloud.delayed = True
    cloud.dead.add("a")
    b.role("MASTER")
    claimed(cloud)
    cloud.delayed = False
    claimed(cloud, 2)
    until(lambda: cloud.owner == "b", "it is not b's")


def test_a_weaker_master_that_is_heard_makes_the_stronger_one_look(cloud: Cloud, a: Unit) -> None:
    cloud.owner = "b"
    a.looks(5)
    assert cloud.claims == []
    a.event("MASTER_RX_LOWER_PRI")
    claimed(cloud)
    assert cloud.owner == "a"


def test_keepalived_never_waits_to_tell_that_it_heard_a_weaker_master(cloud: Cloud, a: Unit) -> None:
    """Its script is run for each advert, ten a second, also while the unit is frozen or gone."""
    cloud.owner = "b"
    a.freeze()
    for _ in range(3):
        assert a.heard() == 0
    a.thaw()
    claimed(cloud)
    a.stop()
    assert a.heard() == 0


def test_the_owner_outranks_the_others_and_a_missing_answer_changes_nothing(
    cloud: Cloud, a: Unit, b: Unit
) -> None:
    def weights() -> tuple[int, int]:
        a.looks(3)
        b.looks(3)
        return a.weight(), b.weight()

    assert weights() == (0, -200)
    cloud.owner = "b"
    assert weights() == (-200, 0)
    cloud.mute.update("ab")
    assert weights() == (-200, 0), "a silent metadata service changed something"
    cloud.mute.clear()
    cloud.owner = "a"
    assert weights() == (0, -200)


def test_somebody_elses_address_on_this_droplet_is_not_ours(cloud: Cloud, b: Unit) -> None:
    cloud.others["b"] = "198.18.9.77"
    b.role("MASTER")
    claimed(cloud)
    assert b.weight() == -200


def test_a_unit_that_slept_while_mastership_came_and_went_steals_nothing(cloud: Cloud, b: Unit) -> None:
    b.freeze()
    for role in ("MASTER", "BACKUP"):
        b.role(role)
    b.thaw()
    b.lives(ENOUGH)
    assert cloud.claims == []


def test_a_unit_that_slept_while_its_node_became_master_claims_when_it_wakes(cloud: Cloud, b: Unit) -> None:
    b.freeze()
    b.role("MASTER")
    b.thaw()
    claimed(cloud)
    assert cloud.owner == "b"


def asleep_in_the_middle(cloud: Cloud, b: Unit, path: str, meanwhile: Callable[[], None]) -> None:
    """The unit is frozen while it asks `path` on its way to a claim; it wakes after `meanwhile`."""
    done: list[str] = []

    def pause(asked: str) -> None:
        if asked.endswith(path) and not done and b.role_file.read_text() == "MASTER\n":
            done.append(asked)
            b.freeze()
            meanwhile()
            b.thaw()

    cloud.pause = pause
    b.role("MASTER")
    until(lambda: done, f"{path} was never asked")
    b.lives(ENOUGH)


@pytest.mark.parametrize("path", ["b/alive", "active", "metadata/v1/id"])
def test_a_unit_that_fell_asleep_on_its_way_to_a_claim_looks_again(cloud: Cloud, b: Unit, path: str) -> None:
    """While it slept, mastership went back to a, which has the address all the time."""
    asleep_in_the_middle(cloud, b, path, lambda: b.role("BACKUP"))
    assert cloud.claims == []


def test_a_unit_that_slept_long_asks_again_who_has_the_address(cloud: Cloud, b: Unit) -> None:
    """It is MASTER when it wakes, as before; meanwhile the address came to it without its doing."""

    def meanwhile() -> None:
        end = uptime() + 5 * SECOND
        until(lambda: uptime() > end, "time stands still")
        cloud.owner = "b"

    asleep_in_the_middle(cloud, b, "b/alive", meanwhile)
    assert cloud.claims == [] and cloud.owner == "b"


def test_a_unit_that_is_started_anew_knows_what_it_dealt_with(cloud: Cloud, a: Unit, b: Unit) -> None:
    """b was MASTER before, and a answers at the address: a restart is no change to MASTER."""
    b.role("MASTER")
    claimed(cloud)
    cloud.owner = "a"
    b.looks(5)
    b.stop()
    b.start()
    b.lives(ENOUGH)
    assert len(cloud.claims) == 1


def test_a_unit_that_died_before_its_claim_makes_it_when_it_is_started_anew(cloud: Cloud, b: Unit) -> None:
    cloud.dead.add("b")
    b.role("MASTER")
    b.looks(5)
    b.stop()
    cloud.dead.clear()
    b.start()
    claimed(cloud)
    assert cloud.owner == "b"
