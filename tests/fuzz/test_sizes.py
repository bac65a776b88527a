"""The largest answer that a node may give is read in bounded memory and CPU time, whatever it is full of."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

MEMORY, CPU_S = 1200 * 1024**2, 60
FILLS = {
    "nothing": b"\0",
    "tokens of two letters": b"ab\0",
    "files": b"/x\0f\x00644\0r\x001\x001\0.\0",
    "empty units": b"\n\n",
}
PROGRAM = """
import sys
from dynia.interfaces.node_requests import ObserveRequest
from dynia.providers.ssh.connection import _FACTS_LIMIT
from dynia.providers.ssh.observation import parse_observation
fill = bytes.fromhex(sys.argv[1])
raw = b"\\x01clock\\x001\\x00\\x01host\\x00h\\x00\\x01files\\x00" + fill * (_FACTS_LIMIT // len(fill))
found = parse_observation(raw, ObserveRequest(roots=("/opt/dynia",), units=("a.service",)), runner_ms=0, cut=True)
print(found.truncated[0])
"""


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


@pytest.mark.parametrize(
    "name", ["files", *(pytest.param(name, marks=pytest.mark.slow) for name in FILLS if name != "files")]
)
def test_the_largest_answer_of_a_node_is_read_within_bounds(name: str) -> None:
    argv = [sys.executable, "-c", PROGRAM, FILLS[name].hex()]
    done = subprocess.run(argv, capture_output=True, text=True, preexec_fn=limited)
    assert (done.returncode, done.stdout) == (0, "answer: longer than allowed\n"), done.stderr[-500:]
