"""A cluster stays with the provider that has its machines: another one would list none of them, and all would
be made again beside those that nobody remembers then."""

from __future__ import annotations

from dynia.interfaces.errors import Refused
from dynia.services.planning.inputs import PlanningInput


def refuse_other_provider(given: PlanningInput) -> None:
    """Raises Refused where the file names another kind of provider than the one that has the machines."""
    home = given.state.cluster(given.target)
    if given.desired is None or home is None:
        return
    kind = str(type(given.desired.provider).__struct_config__.tag)
    if home.provider in ("", kind) or not (given.state.nodes_of(given.target) or home.reserved_ip):
        return
    raise Refused(
        f"cluster {given.target} is at {home.provider}, and the file says {kind}",
        hint=f"give the new cluster another name, and destroy this one afterwards: "
        f"`dynia cluster destroy {given.target}`",
    )
