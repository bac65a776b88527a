"""A run that is about a part of the file, or that replaces a node too."""

from __future__ import annotations

from dataclasses import replace

from dynia.interfaces.requests import Part
from dynia.services.planning.replacing import refuse_replacement
from dynia.services.planning.scope import scope_of
from dynia.services.session import Session


def of_part(session: Session, part: Part) -> Session:
    """Raises Refused where a name names nothing, or a node that can't be replaced."""
    if part.replace and session.spec is not None:
        refuse_replacement(session.store.state, session.spec, part.replace)
        session = replace(session, replace=part.replace)
    if not part.targets and not part.excludes:
        return session
    scope = scope_of(session.spec, session.store.state, session.cluster, part.targets, part.excludes)
    return replace(session, scope=scope)
