"""A plan as it is kept in a file, to be reviewed and applied later: the text ⇄ the value. Pure.

On disk it is ``{"format": "dynia.saved-plan", "version": 1, "checksum": "sha256:...", "saved": {...}}``. The
checksum is over the bytes of `saved` as they stand there: a file that was edited is no longer what somebody
reviewed. It is no signature: who can write the file can write another plan, and law 4 then stops what does
not follow from the world.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.shape import Shape
from dynia.services.planning.digest import sealed
from dynia.services.planning.plan import Plan
from dynia.state.checks import LATEST

FORMAT, VERSION = "dynia.saved-plan", 1
# A plan for 200 nodes has about 2 MB.
LIMIT = 64 * 1024 * 1024


class SavedPlan(Shape):
    """`by`, `at` (seconds since the epoch), `commit` and `tool` (Dynia's version) say who saved it; they are
    outside of the plan's digest."""

    by: str
    at: Annotated[int, msgspec.Meta(ge=0, le=LATEST)]
    commit: str
    tool: str
    plan: Plan


class _Envelope(Shape):
    format: str
    version: int
    checksum: str
    saved: msgspec.Raw


class _Head(msgspec.Struct):
    """What every version of the file has."""

    format: str = ""
    version: int = 0


def encode(saved: SavedPlan) -> bytes:
    """The file's bytes."""
    raw = msgspec.json.encode(saved, order="deterministic")
    envelope = _Envelope(format=FORMAT, version=VERSION, checksum=_checksum(raw), saved=msgspec.Raw(raw))
    return msgspec.json.encode(envelope) + b"\n"


def is_saved_plan(data: bytes) -> bool:
    """Whether these bytes are a saved plan, of whatever version."""
    try:
        return msgspec.json.decode(data, type=_Head).format == FORMAT
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False


def decode(data: bytes, name: str) -> SavedPlan:
    """The value. `name` is how messages call the file. Raises `DyniaError` where it is anything else than
    what `encode` wrote."""
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format != FORMAT:
            raise DyniaError(f"{name} is no saved plan", hint="`dynia plan --out FILE` writes one")
        if head.version != VERSION:
            raise DyniaError(
                f"{name} is a saved plan of version {head.version}, and this Dynia reads version {VERSION}",
                hint="use the Dynia that saved it, or plan again",
            )
        envelope = msgspec.json.decode(data, type=_Envelope)
        if _checksum(bytes(envelope.saved)) != envelope.checksum:
            raise _edited(name)
        saved = msgspec.json.decode(envelope.saved, type=SavedPlan)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DyniaError(
            f"{name} is no saved plan: {said}", hint="`dynia plan --out FILE` writes one"
        ) from error
    if sealed(saved.plan).digest != saved.plan.digest:
        raise _edited(name)
    return saved


def _edited(name: str) -> DyniaError:
    return DyniaError(
        f"{name} was edited since it was saved: it is not what somebody reviewed", hint="plan again"
    )


def _checksum(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()
