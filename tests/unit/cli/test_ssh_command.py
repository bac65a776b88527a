"""`dynia node ssh`: the pinned key is the only one that is accepted, and words arrive as they were said."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dynia.commands.ssh_command import known_hosts_line, ssh_command
from tests.unit.screens.more_samples import NODES

OWL, LONG = NODES


def test_only_the_pinned_key_is_accepted() -> None:
    argv = ssh_command("prod", OWL, known_hosts="/x/known", identity="/x/key", jump="", argv=())
    assert known_hosts_line("prod", OWL) == "dynia.prod.misty-owl ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOZ\n"
    for option in (
        "UserKnownHostsFile=/x/known",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "HostKeyAlias=dynia.prod.misty-owl",
        "IdentitiesOnly=yes",
    ):
        assert option in argv
    assert argv[-1] == "root@198.18.0.11"


@pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh here")
@pytest.mark.parametrize("known", ["/x/known", "/x y/100%/known"])
def test_ssh_itself_understands_every_word(known: str) -> None:
    argv = ssh_command("prod", LONG, known_hosts=known, identity="", jump="ops@198.18.0.9", argv=())
    told = subprocess.run(["ssh", "-G", *argv[1:]], capture_output=True, text=True, check=True).stdout
    said = dict(line.split(" ", 1) for line in told.splitlines() if " " in line)
    assert (said["user"], said["hostname"], said["port"]) == ("deploy", "198.18.0.12", "2222")
    assert said["stricthostkeychecking"] == "true"
    assert said["proxyjump"].translate({ord(c): None for c in "[]"}) == "ops@198.18.0.9"
    assert Path(said["userknownhostsfile"].strip('"').replace("%%", "%")) == Path(known)


def test_one_word_is_a_line_and_several_are_an_argv() -> None:
    def last(*argv: str) -> str:
        return ssh_command("prod", OWL, known_hosts="k", identity="", jump="", argv=argv)[-1]

    assert last("uptime; id") == "uptime; id"
    assert last("echo", "a b", "$HOME") == "echo 'a b' '$HOME'"
