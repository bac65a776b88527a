"""What passes between the HTTP server and a simulated API: calls, answers, refusals, whole exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `args` are the variable parts of its path, `base` is how this server is reached."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Json
    base: str
    args: Mapping[str, str] = field(default_factory=dict)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is None where the vendor sends none (204)."""

    status: int
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """The API says no: its status, and the vendor's short id and message."""

    def __init__(self, status: int, id: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.id, self.message, self.headers = status, id, message, dict(headers or {})


@dataclass(frozen=True, slots=True)
class Exchange:
    """What went over the wire, for whoever checks it against the vendor's schema. No answer: it was cut.

    `body` is None where the request had none. The token is not in it.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    answer: Answer | None
