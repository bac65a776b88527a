"""Images: pulled by digest with the node's own login file, or streamed only if the node lacks them.

Docker on the node is a stand-in that keeps "images" as files named by their digest.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dynia.providers.ssh.framing import sections, text, token
from tests.integration.node_scripts.machine import Machine

ID = "sha256:" + "ab" * 32
STAND_IN = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/calls"
[ "$1" != --config ] || shift 2
case $1 in
  image) [ -e "$here/images/$(echo "$5" | tr / _)" ] && echo "$ID" ;;
  pull) case $3 in *refused*) echo "denied: no basic auth" >&2; exit 1 ;; esac; : >"$here/images/$(echo "$3" | tr / _)" ;;
  load) cat >"$here/images/$ID"; [ -s "$here/images/$ID" ] || { echo "unexpected EOF" >&2; rm "$here/images/$ID"; exit 1; }
    echo "Loaded image ID: $ID" ;;
  tag) : >"$here/images/$3" ;;
esac
"""


def image(machine: Machine, *args: str, stdin: bytes = b"") -> tuple[str, str, list[str]]:
    """What is on the node afterwards, why not, and what Docker was told."""
    tools = machine.root / "tools"
    (tools / "images").mkdir(parents=True, exist_ok=True)
    (tools / "docker").write_text(STAND_IN.replace("$ID", ID))
    (tools / "docker").chmod(0o755)
    found = sections(machine.run_with(tools, "image", (*args, "30"), stdin))
    calls = (tools / "calls").read_text().splitlines()
    (tools / "calls").unlink()
    failed = text(token(found, "failed", 0)).strip()
    return token(found, "have", 0).decode(), failed, calls


@pytest.mark.parametrize("login", [False, True])
def test_an_image_is_pulled_with_the_login_file_that_is_there(machine: Machine, login: bool) -> None:
    if login:
        Path(machine.path("registry")).mkdir()
    have, failed, calls = image(machine, "pull", "r.example/app@sha256:1", "")
    flag = f"--config {machine.path('registry')} " if login else ""
    assert (have, failed) == (ID, "")
    assert calls[1] == f"{flag}pull -q r.example/app@sha256:1"


def test_an_image_that_is_there_is_not_pulled_again(machine: Machine) -> None:
    image(machine, "pull", "app@sha256:1", "")
    have, _, calls = image(machine, "pull", "app@sha256:1", "")
    assert have == ID
    assert not any("pull" in call for call in calls)


def test_a_refused_pull_says_why(machine: Machine) -> None:
    have, failed, _ = image(machine, "pull", "refused@sha256:1", "")
    assert (have, failed) == ("", "denied: no basic auth")


def test_a_stream_is_loaded_and_tagged_once(machine: Machine) -> None:
    have, failed, calls = image(machine, "load", ID, "app:1", stdin=b"layers")
    assert (have, failed) == (ID, "")
    assert calls[-1] == f"tag {ID} app:1"
    have, _, calls = image(machine, "load", ID, "app:1")
    assert have == ID
    assert not any("load" in call for call in calls)


def test_a_stream_that_breaks_off_says_why(machine: Machine) -> None:
    assert image(machine, "load", ID, "app:1")[:2] == ("", "unexpected EOF")
