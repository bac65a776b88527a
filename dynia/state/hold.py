"""A release that may not be applied: it failed, and the cluster went back; who may run it still. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.shape import Shape


class Hold(Shape, rename="camel"):
    """Until the service's content changes, or a person says otherwise. `at` is when it failed."""

    service: str
    release: str
    at: int


class KeptOut(Shape, rename="camel", order=True):
    """A node that did not answer when the others went back: HAProxy sends it nothing of the service until a
    gate there says yes."""

    service: str
    node: str


def with_holds(kept: Iterable[Hold], new: Iterable[Hold]) -> tuple[Hold, ...]:
    """Each release once, by service."""
    found = {(one.service, one.release): one for one in (*kept, *new)}
    return tuple(found[key] for key in sorted(found))
