"""Who waits for a node waits longer than the node may take: what it has to say of a failure is heard."""

from __future__ import annotations

import re

import pytest

from dynia.interfaces.node_requests import PushRequest, RemoveRequest
from dynia.providers.ssh.connect import SshTarget
from dynia.providers.ssh.connection import _PUT_BACK_S
from dynia.providers.ssh.scripts import script
from dynia.services.actions import ActivateComponent
from dynia.services.planning.plan import Step

PUSH = PushRequest(component="caddy", lineage="1")
REMOVE = RemoveRequest(component="caddy", lineage="1", paths=())


@pytest.mark.parametrize("request_", [PUSH, REMOVE])
def test_a_push_that_hangs_and_is_put_back_ends_before_its_step_does(
    request_: PushRequest | RemoveRequest,
) -> None:
    """`timeout` kills two seconds after its time; connecting and what is sent take theirs."""
    (put_back,) = re.findall(r"timeout -k 2 (\d+) sh -eu \"\$txn/activate\"", script("push"))
    on_the_node = request_.deadline_s + 2 + int(put_back) + 2
    connecting = SshTarget(node="web-1", host="198.18.0.2").connect_timeout
    step = Step(id="x", action=ActivateComponent(node="web-1", component="caddy", release="1"), why="")
    assert connecting + on_the_node + 10 <= step.deadline_s
    assert on_the_node < request_.deadline_s + _PUT_BACK_S
