"""Runs `dynia drift revert`: a look that says whether the items are there, then plan, question and apply."""

from __future__ import annotations

from dynia.commands.applying import apply
from dynia.commands.looking import look
from dynia.commands.output import standard_output
from dynia.interfaces.composition import open_session
from dynia.interfaces.requests import ApplyRequest
from dynia.services.planning.drift_items import chosen
from dynia.services.planning.revert import refuse_whole


def revert(request: ApplyRequest) -> int:
    """What is named is again what was applied; the exit code, as of apply."""
    session = open_session(file=request.target.file, cluster=request.target.cluster)
    found, _ = look(session, standard_output())
    refuse_whole(chosen(found.drift, request.items, (name for name, _ in found.not_observed)))
    return apply(request)
