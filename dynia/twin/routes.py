"""Which call of a vendor's document is answered by whom, and what a token must be allowed to for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from dynia.twin.exchange import Answer, Call

World = TypeVar("World")


@dataclass(frozen=True, slots=True)
class Route(Generic[World]):
    """`scopes`: all that the token must have, in the vendor's words."""

    method: str
    template: str
    scopes: tuple[str, ...]
    handler: Callable[[World, Call], Answer]

    @property
    def operation(self) -> str:
        return f"{self.method} {self.template}"


class Routes(Generic[World]):
    """A vendor's whole list of routes."""

    def __init__(self, routes: Sequence[Route[World]]) -> None:
        self._patterns = tuple(
            (route, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.template))) for route in routes
        )

    def match(self, method: str, path: str) -> tuple[Route[World], dict[str, str]] | None:
        """The route of a request and the variable parts of its path."""
        for route, pattern in self._patterns:
            found = pattern.fullmatch(path)
            if found and route.method == method:
                return route, found.groupdict()
        return None
