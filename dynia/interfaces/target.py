"""Which cluster a command is about, where a file or a state has several. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dynia.interfaces.errors import DyniaError

VARIABLE = "DYNIA_CLUSTER"


def resolve_target(
    flag: str | None,
    environ: Mapping[str, str],
    current: str | None,
    known: tuple[str, ...],
    *,
    named_by: str = "the command line",
) -> str:
    """`--cluster`, else DYNIA_CLUSTER, else `currentCluster`, else the only one, else an error.

    What names a cluster must name one that is known: a wrong name is never passed over for the next rule,
    or a slip of the pen would change another cluster than the one that was meant.
    """
    choices = f"there is {' and '.join(sorted(known))}" if known else "there is none yet"
    for said, where, way_out in (
        (flag, named_by, "name one of them"),
        (environ.get(VARIABLE), VARIABLE, f"set {VARIABLE} to one of them, or unset it"),
        (current, "the context", "`dynia context use NAME` or `dynia context clear`"),
    ):
        if not said:
            continue
        if said in known:
            return said
        raise DyniaError(f"{where} names cluster {said}, which is not known: {choices}", hint=way_out)
    if len(known) == 1:
        return known[0]
    if not known:
        raise DyniaError("there is no cluster yet", hint="write one into clusters.yaml")
    raise DyniaError(
        f"which cluster? {choices}",
        hint=f"say --cluster NAME, set {VARIABLE}, or run `dynia context use NAME`",
    )
