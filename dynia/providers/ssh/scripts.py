"""The scripts that run on nodes, and the command lines that run them."""

from __future__ import annotations

import functools
import hashlib
import shlex
from importlib.resources import files
from typing import Literal

from dynia.interfaces.node_requests import Fence
from dynia.interfaces.shape import Shape

ScriptName = Literal[
    "observe", "bootstrap", "push", "once", "confirm", "back", "remove", "gate", "drain", "traffic", "ask",
    "image", "deed", "follow",
]  # fmt: skip

# What each script is made of, in this order.
_PARTS: dict[ScriptName, tuple[str, ...]] = {
    "observe": ("prelude", "observe"),
    "bootstrap": ("prelude", "bootstrap"),
    "push": ("prelude", "request", "transaction", "unconfirmed", "push"),
    "once": ("prelude", "request", "transaction", "unconfirmed", "once"),
    "confirm": ("prelude", "request", "transaction", "unconfirmed", "confirm"),
    "back": ("prelude", "request", "transaction", "unconfirmed", "back"),
    "remove": ("prelude", "request", "transaction", "unconfirmed", "remove"),
    "gate": ("prelude", "gate"),
    "drain": ("prelude", "drain"),
    "traffic": ("prelude", "traffic"),
    "ask": ("prelude", "ask"),
    "image": ("prelude", "image"),
    "deed": ("prelude", "deed"),
    "follow": ("prelude", "follow"),
}
# What looks and changes nothing: the requests that a reader's key may make.
LOOKS: tuple[ScriptName, ...] = ("observe", "ask")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Places(Shape):
    """Where Dynia's own things are on a node. Others than these are for tests on a shared machine."""

    opt: str = "/opt/dynia"
    var: str = "/var/lib/dynia"
    run: str = "/run"
    units: str = "/etc/systemd/system"


@functools.cache
def script(name: ScriptName) -> str:
    """The text of a script, without the lines that are only comments."""
    folder = files("dynia.providers.ssh") / "node"
    text = "\n".join((folder / f"{part}.sh").read_text(encoding="utf-8") for part in _PARTS[name])
    return "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


@functools.cache
def asks(name: ScriptName) -> str:
    """How a request names itself and its script to the program that a reader's key is bound to."""
    return f"{name}/{hashlib.sha256(script(name).encode()).hexdigest()[:16]}"


def script_command(
    name: ScriptName,
    args: tuple[str, ...],
    *,
    deadline_s: float | None,
    places: Places,
    sudo: bool,
    survives: bool = False,
    fence: Fence | None = None,
) -> str:
    """The command line that runs a script with a clean environment and a deadline of its own.

    `survives`: it is in a session of its own, so that it ends what it began when the connection breaks.
    """
    return command_line(
        ("sh", "-c", script(name), "dynia", *args),
        deadline_s=deadline_s,
        places=places,
        sudo=sudo,
        survives=survives,
        fence=fence,
        asks=asks(name) if name in LOOKS else "",
    )


def command_line(
    argv: tuple[str, ...],
    *,
    deadline_s: float | None,
    places: Places,
    sudo: bool,
    survives: bool = False,
    fence: Fence | None = None,
    asks: str = "",
) -> str:
    """An argv as one line for any login shell: quoted, as root, with a clean environment and a deadline."""
    words = ["exec"]
    if sudo:
        words += ["sudo", "-n", "--"]
    words += ["env", "-i", f"PATH={PATH}", "HOME=/root", "LC_ALL=C", "TZ=UTC"]
    words += [f"DYNIA_OPT={places.opt}", f"DYNIA_VAR={places.var}", f"DYNIA_RUN={places.run}"]
    words += [f"DYNIA_UNITS={places.units}"]
    if asks:
        words += [f"DYNIA_ASKS={asks}"]
    if fence is not None:
        words += [f"DYNIA_FENCE={fence.lineage} {fence.cluster} {fence.number}"]
    if survives:
        words += ["setsid", "-w"]
    if deadline_s is not None:
        words += ["timeout", "-k", "5", f"{deadline_s:.1f}"]
    return shlex.join([*words, *argv])
