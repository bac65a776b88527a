"""What CI keeps on GitHub: which comment or issue is ours, what it says, what becomes of it. Pure."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable
from typing import Literal

import msgspec

from dynia.interfaces.shape import Shape
from dynia.services.planning.plan import Plan
from dynia.services.planning.stale import Ground, ground

# Codes of `dynia drift` that claim something; any other one says only that it could not be asked.
DRIFTED, CLEAN = (3, 4), 0
# Exit codes of an apply after which nothing of the reviewed plan is left that the next one may go on with.
OVER = (0, 8, 9, 10)
MOST_GROUND = 16_000
_UNPACKED = 1_000_000
_DIGEST = re.compile(r"<!-- dynia:digest (sha256:[0-9a-f]{64}) -->")
_GROUND = re.compile(r"<!-- dynia:ground ([A-Za-z0-9+/]+=*) -->")
_BEGUN = re.compile(r"<!-- dynia:begun (sha256:[0-9a-f]{64}) (open|ended) -->")


class Written(Shape):
    """A comment (`number` is its id) or an issue."""

    number: int
    author: str
    body: str


class Review(Shape):
    """The plan that people saw: its digest, and what it rested on where that was short enough to be kept."""

    digest: str
    ground: Ground | None = None


class IssueDeed(Shape):
    """What becomes of the one issue; `number` 0: it is opened."""

    kind: Literal["open", "edit", "close", "leave"]
    number: int = 0


def ours(written: Iterable[Written], author: str, marker: str) -> Written | None:
    """The oldest one that this author wrote and that begins with the marker. A marker in what somebody else
    wrote, or further down, means nothing."""
    found = [one for one in written if one.author == author and _lines(one.body)[0] == marker]
    return min(found, key=lambda one: one.number, default=None)


def review_lines(plan: Plan) -> list[str]:
    """The lines below the marker of a comment whose plan may be applied."""
    lines = [f"<!-- dynia:digest {plan.digest} -->"]
    packed = base64.b64encode(zlib.compress(msgspec.json.encode(ground(plan)), 9)).decode()
    return lines if len(packed) > MOST_GROUND else [*lines, f"<!-- dynia:ground {packed} -->"]


def review_of(body: str) -> Review | None:
    """The same lines read again, where they stand and nowhere else."""
    _, second, third, *_ = (*_lines(body), "", "")
    digest = _DIGEST.fullmatch(second)
    if digest is None:
        return None
    packed = _GROUND.fullmatch(third)
    return Review(digest=digest[1], ground=_ground(packed[1]) if packed else None)


def begun_line(digest: str, *, ended: bool) -> str:
    """The line below the marker of the comment about an apply that has begun what was reviewed."""
    return f"<!-- dynia:begun {digest} {'ended' if ended else 'open'} -->"


def was_cut(body: str, digest: str) -> bool:
    """Whether an apply of this reviewed plan began, and nobody saw it end."""
    said = _BEGUN.fullmatch((*_lines(body), "")[1])
    return said is not None and said[1] == digest and said[2] == "open"


def may_go_on(review: Review, now: Plan) -> bool:
    """What an apply left that was cut is still what was approved: the same is wanted, and nobody touched
    anything since (law 4). Its own steps moved the state on, so the digest is another one."""
    if review.ground is None or now.drift or now.not_observed:
        return False
    return (review.ground.lineage, review.ground.content) == (now.lineage, now.content)


def settled(plan: Plan) -> bool:
    """Everybody was observed, and nothing is left that anybody wants."""
    return plan.empty and not (plan.drift or plan.not_observed) and all(w.final for w in plan.waiting)


def issue_deed(code: int, found: Written | None, body: str) -> IssueDeed:
    """After a look that ended with this exit code. What could not be asked changes nothing."""
    if code in DRIFTED:
        if found is None:
            return IssueDeed(kind="open")
        same = _lines(found.body) == _lines(body)
        return IssueDeed(kind="leave" if same else "edit", number=found.number)
    if code == CLEAN and found is not None:
        return IssueDeed(kind="close", number=found.number)
    return IssueDeed(kind="leave", number=found.number if found else 0)


def _lines(body: str) -> list[str]:
    """A browser that somebody edits a comment in sends CR LF."""
    return body.replace("\r\n", "\n").rstrip("\n").split("\n")


def _ground(packed: str) -> Ground | None:
    """None where it is no such thing: then there are fewer words to say why a plan is stale, and no more."""
    try:
        unpacked = zlib.decompressobj().decompress(base64.b64decode(packed, validate=True), _UNPACKED)
        return msgspec.json.decode(unpacked, type=Ground)
    except (ValueError, zlib.error, msgspec.MsgspecError, RecursionError):
        return None
