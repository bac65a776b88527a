"""Verbs that do once what no file says: what they ask for, how they are asked about, what goes on with them."""

from __future__ import annotations

import io

import pytest

from dynia.commands.applying import ALL, by_hand
from dynia.commands.approval import approve_apply
from dynia.commands.options import by_hand_request
from dynia.commands.output import Output
from dynia.interfaces.errors import Refused
from dynia.interfaces.requests import ApplyRequest, Target
from dynia.services.planning.by_hand import NodeDrain, Promote, Reboot, Restart
from dynia.services.planning.planner import make_plan
from tests.plans.cases import restart

SAID = {
    "file": None, "cluster": "prod", "yes": False, "lock_wait": 60.0, "progress": "plain", "detail": None,
    "as_json": False,
}  # fmt: skip


def test_a_verb_asks_for_its_deed_and_an_apply_for_none() -> None:
    request = by_hand_request("restart", "api", SAID)
    assert by_hand(request) == Restart(service="api")
    assert by_hand(by_hand_request("node drain", "one", SAID)) == NodeDrain(node="one")
    assert by_hand(by_hand_request("node undrain", "one", SAID)) == NodeDrain(node="one", back=True)
    assert by_hand(by_hand_request("node promote", "one", SAID)) == Promote(node="one")
    reboot = by_hand_request("node reboot", "one", {**SAID, "os_updates": True})
    assert by_hand(reboot) == Reboot(node="one", os_updates=True)
    assert by_hand(by_hand_request("node reboot", ALL, SAID)) == Reboot()
    assert reboot.said == "node reboot one --os-updates"
    assert (request.again, request.lock_wait, request.target.cluster) == ("restart api", 60.0, "prod")
    assert by_hand(ApplyRequest(target=Target())) is None


def test_without_a_terminal_it_says_the_whole_command_that_would_do_it() -> None:
    out = io.StringIO()
    output = Output(out, out, io.StringIO(), {})
    with pytest.raises(Refused, match="not applied, there is no terminal") as told:
        approve_apply(by_hand_request("restart", "api", SAID), output)(make_plan(restart()))
    assert "`dynia restart api --yes --cluster prod`" in (told.value.hint or "")
    assert "~ restart of api" in out.getvalue()
