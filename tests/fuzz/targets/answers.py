"""What a node answers to a push, a bootstrap, a gate, a drain: the parsers, each on every input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.node_requests import ServiceAnswer
from dynia.providers.ssh.answers import (
    parse_ask,
    parse_bootstrap,
    parse_drained,
    parse_gate,
    parse_push,
    parse_traffic,
)
from tests.fuzz.chance import Chance
from tests.fuzz.oracle import refused
from tests.fuzz.target import Target
from tests.fuzz.targets.observation import Observation, _texts
from tests.unit.node.test_parse_observation import HASH, framed

ROW = (b"/opt/dynia/a", b"f", b"644", b"root:root", b"5", b"1700000000.5", b".")


def two_asked(raw: bytes) -> tuple[ServiceAnswer, ...]:
    return parse_ask(raw, 2)


class NodeAnswers(Target):
    name = "answers"
    weight = 600
    examples = 150

    def good(self) -> list[bytes]:
        push = {b"answer": (b"done", b"1"), b"changed": (b"/opt/dynia/a", b""), b"output": (b"x\n y",),
                b"files": (*ROW, b""), b"hashes": (HASH + b"  /opt/dynia/a", b""), b"end": ()}  # fmt: skip
        busy = {b"answer": (b"lock", b"0"), b"output": (b"1699999999 service/api",), b"end": ()}
        boot = {b"bootstrap": (b"done",), b"packages": (b"haproxy\t3.0\tinstalled\n",), b"missing": (b"curl\n",),
                b"output": (b"E: no",), b"end": ()}  # fmt: skip
        gate = {b"gate": (b"0", b"web: exited", b"api-web-1"), b"output": (b"panic: x\n",), b"end": ()}
        well = {b"gate": (b"1", b"", b"api-web-1"), b"end": ()}
        away = {b"drained": (b"/api", b"/_node"), b"end": ()}
        sent = {b"haproxy": (b"service-api,misty-owl,3,NOLB\nservice-api,swift-fox,1,UP 1/2\n",),
                b"caddy": (b'[{"address":"api-19face9f:8000","num_requests":2,"fails":0}]',), b"end": ()}  # fmt: skip
        asked = {b"answers": (b"0", b"HTTP/2 200\nx-dynia-release: ab01\n", b".", b"1", b"curl: (28) late", b"."),
                 b"end": ()}  # fmt: skip
        return [framed(one) for one in (push, busy, boot, gate, well, away, sent, asked)]

    def tree(self, raw: bytes) -> Any:
        return Observation.tree(self, raw)  # type: ignore[arg-type]

    def untree(self, tree: Any, chance: Chance) -> bytes:
        return Observation.untree(self, tree, chance)  # type: ignore[arg-type]

    def attempt(self, raw: bytes) -> Iterable[str]:
        import msgspec

        shown: list[str] = []
        last: DyniaError | None = None
        understood = False
        parsers: tuple[Callable[[bytes], object], ...]
        parsers = (parse_push, parse_bootstrap, parse_gate, parse_drained, parse_traffic, two_asked)
        for parse in parsers:
            try:
                shown += _texts(msgspec.to_builtins(parse(raw)))
                understood = True
            except DyniaError as error:
                refused(error)
                last = error
        if not understood and last is not None:
            raise last
        return shown
