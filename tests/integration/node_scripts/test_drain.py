"""A flag keeps visitors from a service of this node: for so long and no longer, set and taken away by the newest run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dynia.interfaces.errors import Locked
from dynia.interfaces.node_requests import LASTING_S, WHOLE_NODE, Fence, Sent, Traffic
from dynia.providers.ssh import answers
from dynia.providers.ssh.scripts import script
from tests.integration.node_scripts.machine import LINEAGE, Machine

LOOKS = "vars until {file./etc/caddy/drain/%s}\n"


def flags(machine: Machine) -> Path:
    return Path(machine.path("caddy/drain"))


def drain(machine: Machine, lasts_s: int, *services: str, number: int = 7) -> tuple[str, ...]:
    """Under the node's lock, as the connection asks it; raises where the node refuses."""
    fence = Fence(lineage=LINEAGE, cluster="prod", number=number)
    argv = ("20", "sh", "-c", script("drain"), "dynia", str(lasts_s), *services)
    told = machine.cut(script("deed"), argv, b"", fence)
    assert told is not None
    return answers.parse_drained(told)


@pytest.fixture
def routed(machine: Machine) -> Machine:
    machine.write("caddy/Caddyfile", LOOKS % "api" + LOOKS % "web")
    return machine


def test_a_drain_lasts_until_its_time_and_is_seen_until_then(routed: Machine) -> None:
    before = int(time.time())
    assert drain(routed, 60, "api") == ("api",)
    flag = flags(routed) / "api"
    assert before + 60 <= int(flag.read_text()) <= int(time.time()) + 60
    assert (oct(flag.stat().st_mode), oct(flag.parent.stat().st_mode)) == ("0o100644", "0o40755")
    assert routed.observe().drained == ("api",)
    flag.write_text(f"{int(time.time())}\n")
    assert routed.observe().drained == ()


def test_it_ends_with_the_word_and_leaves_nothing(routed: Machine) -> None:
    drain(routed, 60, "api", "web")
    assert drain(routed, 0, "api") == ()
    assert routed.observe().drained == ("web",)
    assert drain(routed, 0, "web", "api") == ()
    assert not flags(routed).exists()


def test_a_flag_is_no_stray(routed: Machine) -> None:
    before = routed.observe().files
    drain(routed, 60, "api")
    after = routed.observe().files
    assert [f.path for f in before] == [f.path for f in after]


@pytest.mark.parametrize("content", ["", "soon", "-5", "9" * 13, "9" * 40, "1 2"])
def test_what_is_no_time_keeps_nobody_away(routed: Machine, content: str) -> None:
    drain(routed, 60, "api")
    (flags(routed) / "api").write_text(content)
    (flags(routed) / "..%2f\x01end").write_text(str(2**31))
    assert routed.observe().drained == ()


def test_a_caddyfile_that_looks_at_no_flag_is_told(machine: Machine) -> None:
    machine.write("caddy/Caddyfile", LOOKS % "api-v2")
    assert drain(machine, 60, "api", "v2") == ()
    assert not flags(machine).exists()


def test_a_flag_of_the_whole_node_is_one_that_waits_for_a_person(machine: Machine) -> None:
    """A Caddyfile of before does not look at it."""
    machine.write("caddy/Caddyfile", LOOKS % "api")
    assert drain(machine, LASTING_S, WHOLE_NODE) == ()
    machine.write("caddy/Caddyfile", LOOKS % "api" + LOOKS % WHOLE_NODE)
    assert drain(machine, LASTING_S, WHOLE_NODE) == (WHOLE_NODE,)
    drain(machine, 60, "api")
    drain(machine, 0, "api")
    assert machine.observe().drained == (WHOLE_NODE,)
    until = int((flags(machine) / WHOLE_NODE).read_text())
    assert until > time.time() + 90 * 365 * 86_400 and len(str(until)) <= 12
    assert drain(machine, 0, WHOLE_NODE) == ()
    assert not flags(machine).exists()


def test_an_overtaken_run_neither_drains_nor_ends_a_drain(routed: Machine) -> None:
    drain(routed, 60, "api", number=9)
    for lasts_s in (60, 0):
        argv = ("20", "sh", "-c", script("drain"), "dynia", str(lasts_s), "api", "web")
        told = routed.run_raw("deed", argv, Fence(lineage=LINEAGE, cluster="prod", number=8))
        with pytest.raises(Locked, match="its lock has number 9"):
            answers.refuse_deed(*told)
    assert routed.observe().drained == ("api",)


STATS = """\
# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight
entry,FRONTEND,,,4,9,1,2,3,4,0,0,0,,,,,OPEN,
service-api,misty-owl,0,0,3,5,,9,1,1,,0,,0,0,0,0,NOLB,1
service-api,swift-fox,0,0,1,5,,9,1,1,,0,,0,0,0,0,UP,1
service-api,brave-panda,0,0,0,5,,9,1,1,,0,,0,0,0,0,UP 1/2,1
service-api,BACKEND,0,0,4,5,1,9,1,1,0,0,,0,0,0,0,UP,3
service-web,misty-owl,0,0,0,5,,9,1,1,,0,,0,0,0,0,DOWN,1
"""
UPSTREAMS = (
    '[{"address":"api-19face9f:8000","num_requests":2,"fails":0},'
    '{"address":"api-0000ffff:8000","num_requests":1,"fails":0},'
    '{"address":"api-v2-19face9f:8000","num_requests":7,"fails":0},'
    '{"address":"elsewhere:80","num_requests":9,"fails":0}]'
)
CURL = """#!/bin/sh
here=$(dirname "$0")
for word; do case $word in */traffic*) exec cat "$here/stats" ;; */upstreams) exec cat "$here/upstreams" ;; esac; done
exit 7
"""


@pytest.fixture
def tools(machine: Machine) -> Path:
    """Programs of a node that runs HAProxy and Caddy."""
    folder = machine.root / "tools"
    folder.mkdir()
    for name, text in (
        ("curl", CURL),
        ("docker", '#!/bin/sh\n[ "$1" = inspect ] && echo 4711\n'),
        ("nsenter", '#!/bin/sh\n[ "$1 $2 $3" = "-t 4711 -n" ] && shift 3 && exec "$@"\n'),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "stats").write_text(STATS)
    (folder / "upstreams").write_text(UPSTREAMS)
    return folder


def traffic(machine: Machine, tools: Path, own: str) -> Traffic:
    return answers.parse_traffic(machine.run_with(tools, "traffic", (own,), b""))


def test_a_haproxy_tells_whom_it_sends_to_and_what_is_open(machine: Machine, tools: Path) -> None:
    assert traffic(machine, tools, "") == Traffic(
        sent=(
            Sent(service="api", node="misty-owl", taking=False, sessions=3),
            Sent(service="api", node="swift-fox", taking=True, sessions=1),
            Sent(service="api", node="brave-panda", taking=True, sessions=0),
            Sent(service="web", node="misty-owl", taking=False, sessions=0),
        )
    )


def test_a_caddy_tells_what_it_has_at_work_whatever_the_release(machine: Machine, tools: Path) -> None:
    assert traffic(machine, tools, "own").at_work == {"api": 3, "api-v2": 7}


def test_where_neither_answers_nothing_is_sent(machine: Machine, tools: Path) -> None:
    (tools / "curl").write_text("#!/bin/sh\nexit 7\n")
    assert traffic(machine, tools, "own") == Traffic()
    for name in ("docker", "nsenter"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
    assert traffic(machine, tools, "own") == Traffic()
    (tools / "curl").write_text(f"#!/bin/sh\necho '<html>{os.sep}'\n")
    assert traffic(machine, tools, "own") == Traffic()
