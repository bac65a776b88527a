"""The question before something is written: without a terminal it must have been answered with `--yes`."""

from __future__ import annotations

from dynia.commands.output import Output
from dynia.interfaces.errors import Refused


def agree(output: Output, question: str, *names: str, yes: bool, refusal: str, again: str) -> None:
    """Returns after a yes: said beforehand, or one of `names` or 'yes' typed. `refusal` says what does not
    happen else, `again` is the command that needs no answer."""
    if yes:
        return
    if not output.can_ask:
        raise Refused(f"{refusal}: there is no terminal to ask on", hint=f"say `{again}`")
    accepted = " or ".join(f"'{word}'" for word in (*names, "yes"))
    if output.ask(f"{question} Only {accepted} is accepted:") not in (*names, "yes"):
        raise Refused(f"{refusal}; nothing was changed")
