"""The generations that nodes keep, as the state lists them: which there are, which a rollback means. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from dynia.interfaces.shape import Shape

FOLDER = "/var/lib/dynia/generations"
# Secrets are in it.
MODE = 0o600


def path_of(number: int) -> str:
    return f"{FOLDER}/{number}"


class Generation(Shape, rename="camel"):
    """One content that the cluster was good on. What it was rendered from lies on the nodes.

    `number` is the apply that brought it, `last` the newest one that left it as it is. `digest` is of what it
    was rendered from, without secrets. `of` is the generation that was rolled back to; 0: the file was
    applied.
    `releases` map components to what every node had, `images` are what services and Caddy ran.
    """

    number: int
    last: int
    digest: str
    at: int
    by: str
    commit: str = ""
    of: int = 0
    releases: dict[str, str] = {}
    images: tuple[str, ...] = ()

    @property
    def origin(self) -> int:
        """The apply that this content comes from."""
        return self.of or self.number


class Rollback(Shape, rename="camel"):
    """A rollback that was begun: to which generation, and of which service alone (empty: all). `failed`: an
    apply that failed goes back by itself, so that its end is the generation that it goes back to."""

    to: int
    service: str = ""
    failed: bool = False


def find(kept: Iterable[Generation], number: int) -> Generation | None:
    """The kept one that a number on a screen means."""
    return next((one for one in kept if one.number <= number <= one.last), None)


def last_good(
    kept: tuple[Generation, ...],
    running: Iterable[Mapping[str, str]],
    begun: Rollback | None,
    *,
    cut: bool = False,
) -> Generation | None:
    """The one that a rollback means when nobody says a number. `running` are each node's components; `cut`:
    of a step of the last run no end is known.

    Where a rollback was begun it goes on. Where an apply stopped part way, or left nodes on something else
    than the newest, that one is good; else it is the newest before whatever the newest comes from.
    """
    if begun is not None:
        return find(kept, begun.to)
    if not kept:
        return None
    newest = kept[-1]
    if cut or any(differs(node, newest.releases) for node in running):
        return newest
    return next((one for one in reversed(kept) if one.last < newest.origin), None)


def differs(node: Mapping[str, str], good: Mapping[str, str]) -> bool:
    """Whether a node is on something else. What is each node's own (`node`) is in no generation; a node that
    has nothing yet tells nothing."""
    changed = any(node.get(name, release) != release for name, release in good.items())
    return bool(node) and (changed or runs_other(node, good))


def runs_other(node: Mapping[str, str], good: Mapping[str, str]) -> bool:
    """The same, of services alone: other configs also name nodes, and those do not go back."""
    services = {name for name in (*node, *good) if name.startswith("service/")}
    return bool(node) and any(node.get(name) != good.get(name) for name in services)


def added(
    kept: tuple[Generation, ...], new: Generation, keep: int, *, secrets: bool
) -> tuple[Generation, ...]:
    """With one more, at most `keep`. Where nothing of it is new, the newest one lasts; `secrets` says that
    a file was written whose content no digest tells."""
    newest = kept[-1] if kept else None
    same = newest is not None and not secrets and (newest.digest, newest.of) == (new.digest, new.of)
    if newest is not None and same:
        lasting = replace(newest, last=new.last, releases=new.releases, images=new.images)
        return (*kept[:-1], lasting)[-keep:]
    return (*kept, new)[-keep:]
