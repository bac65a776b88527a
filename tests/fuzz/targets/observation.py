"""What a node tells about itself: facts that are harmless, that name no path but what was asked for, and that the
planner and every screen can live with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import msgspec

from dynia.interfaces.node_requests import ObserveRequest
from dynia.providers.ssh.observation import parse_observation
from dynia.services.planning.components import PEM, packages, secret_paths, units
from dynia.services.planning.inputs import PlanningInput
from tests.fakes.certificates import authority
from tests.fuzz import screens
from tests.fuzz.chance import Chance
from tests.fuzz.oracle import harmless
from tests.fuzz.target import Target
from tests.plans import worlds
from tests.unit.node.test_parse_observation import HASH, SECTIONS, framed

Sections = list[list[str]]


class Observation(Target):
    name = "observation"
    weight = 120
    examples = 50

    @cached_property
    def world(self) -> PlanningInput:
        return worlds.settled(worlds.cluster(2))

    @cached_property
    def request(self) -> ObserveRequest:
        spec = self.world.desired
        secret = secret_paths(spec, self.world.state.cluster("prod"))
        return ObserveRequest(
            roots=("/opt/dynia",), units=units(spec), packages=packages(spec), secret_paths=secret,
            certificates=(PEM,),
        )  # fmt: skip

    def good(self) -> list[bytes]:
        chain = authority().sign("a.example.com").chain.encode()
        ours = [f.path.encode() for f in self.world.observed.nodes[worlds.node_named(self.world, 1)].files]  # type: ignore[union-attr]
        rows = [
            token
            for path in ours
            for token in (path, b"f", b"644", b"root:root", b"5", b"1700000000.5", b".")
        ]
        more = {
            b"certificates": (PEM.encode(), chain, HASH, b"."),
            b"files": (*rows, b""),
            b"hashes": tuple(HASH + b"  " + path for path in ours),
        }
        return [framed(SECTIONS), framed({**SECTIONS, **more})]

    def tree(self, raw: bytes) -> Sections:
        return [token.decode("latin-1").split("\n") for token in raw.split(b"\0")]  # type: ignore[return-value]

    def untree(self, tree: Any, chance: Chance) -> bytes:
        return b"\0".join(b"\n".join(_bytes(row) for row in _listed(token)) for token in _listed(tree))

    def attempt(self, raw: bytes) -> Iterable[str]:
        for cut in (False, True):
            facts = parse_observation(raw, self.request, runner_ms=1_700_000_000_000, cut=cut)
        harmless(_texts(msgspec.to_builtins(facts)), "a fact")
        assert set(facts.secrets) <= set(self.request.secret_paths)
        assert set(facts.certificates) <= {PEM}
        assert all(file.path.startswith("/") for file in facts.files)
        name = worlds.node_named(self.world, 1)
        return screens.of_world(worlds.with_facts(self.world, name, lambda _: facts))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _bytes(value: Any) -> bytes:
    return (
        value.encode("latin-1", "replace")
        if isinstance(value, str)
        else str(value).encode("utf-8", "replace")
    )


def _texts(value: object) -> Iterator[str]:
    """Every text of a tree, keys included. A tab is no control character to a path."""
    if isinstance(value, str):
        yield value.replace("\t", " ")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(key)
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
