"""A begun create is forgotten only while the provider has nothing of it: asked in the deed itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
import pytest

from dynia.interfaces.desired import SshHost
from dynia.interfaces.errors import Stale
from dynia.providers.nodes.ssh.provider import SshNodeProvider
from dynia.services.actions import ForgetIntent
from dynia.services.actions.base import HostKey, Recipe
from dynia.state.model import Change, DropIntent, PutNode, State, change
from tests.fakes import states

HOST = SshHost(name="node-1", host="198.18.5.11", private_ip="198.18.5.11", host_key="ssh-ed25519 AAAA")
DEED = ForgetIntent(begun="node-1/create", kind="node", name="node-1")


@dataclass
class Desk:
    """Tools of a run that has a provider and a state, and no connection to anything."""

    provider: SshNodeProvider
    now: State
    cluster: str = "prod"
    lineage: str = "l1"
    dns: None = None
    authorized_key: str = ""

    def state(self) -> State:
        return self.now

    def node(self, name: str) -> None:
        raise KeyError(name)

    async def connection(self, name: str) -> None:
        raise KeyError(name)

    async def forget_connection(self, name: str) -> None:
        return

    def recipe(self, node: str, component: str, release: str) -> Recipe:
        raise KeyError(component)

    def new_host_key(self) -> HostKey:
        raise KeyError("host key")

    def say(self, step_node: str, text: str) -> None:
        return


def done(hosts: tuple[SshHost, ...], state: State) -> tuple[Change, ...]:
    return asyncio.run(DEED.run(Desk(SshNodeProvider(hosts), state)))


def test_a_create_of_which_nothing_came_is_forgotten() -> None:
    assert done((), State()) == (DropIntent(cluster="prod", step="node-1/create"),)


def test_a_machine_that_arrived_since_the_plan_stops_it() -> None:
    with pytest.raises(Stale, match="something came of the creation of node node-1"):
        done((HOST,), State())


def test_a_machine_that_the_state_knows_is_not_what_was_begun() -> None:
    node = msgspec.structs.replace(states.node("prod", 1), provider_id="node-1")
    known = change(State(), PutNode(node=node))
    assert done((HOST,), known) == (DropIntent(cluster="prod", step="node-1/create"),)
