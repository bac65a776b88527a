"""The fence around a rehearsal. Each case is a process of its own, since an audit hook stays for ever."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGIN = """
import asyncio, socket, sys
from dynia.lab.fence import Fence
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
fence = Fence()
"""
OUTSIDE = "192.0.2.1"  # RFC 5737: nobody

WAYS = {
    "socket": f"socket.create_connection(('{OUTSIDE}', 443), timeout=1)",
    "datagram": f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{OUTSIDE}', 53))",
    "asyncio": f"asyncio.run(asyncio.wait_for(asyncio.open_connection('{OUTSIDE}', 443), 1))",
    "httpx": f"import httpx; httpx.get('http://{OUTSIDE}:443/', timeout=1, trust_env=False)",
    "asyncssh": f"import asyncssh; asyncio.run(asyncssh.get_server_host_key('{OUTSIDE}', 443))",
    "ipv6": "socket.create_connection(('2001:db8::1', 443), timeout=1)",
}


def played(script: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", BEGIN + script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("way", WAYS)
def test_nothing_outside_is_reached_whatever_library_tries(way: str) -> None:
    host = "2001:db8::1" if way == "ipv6" else OUTSIDE
    said = played(
        f"""
with fence:
    try:
        {WAYS[way]}
    except Exception as error:
        print(type(error).__name__)
print(fence.refused)
"""
    )
    assert said[-1].startswith(f"['{host}:"), said
    assert len(said) == 2


def test_a_name_is_not_even_looked_up() -> None:
    said = played(
        """
with fence:
    try:
        socket.create_connection(("api.example.com", 443), timeout=1)
    except socket.gaierror as error:
        print(error)
print(fence.refused)
"""
    )
    assert "looks nobody up" in said[0] and said[1] == "['api.example.com:443']"


def test_this_machine_and_the_lab_are_reached() -> None:
    said = played(
        """
from dynia.lab.fence import is_here
with fence:
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    socket.create_connection(("localhost", port), timeout=5).close()
print(fence.refused, is_here("198.19.3.4"), is_here("::1"), is_here("198.20.0.1"), is_here("10.0.0.1"))
"""
    )
    assert said == ["[] True True False False"]


def test_the_proof_is_refused_by_the_fence_and_leaves_no_trace() -> None:
    assert played("with fence:\n    fence.prove()\nprint(fence.refused)") == ["[]"]


def test_without_a_fence_the_proof_fails() -> None:
    """What refuses here is another hook, as a network without a way out would be: that proves nothing."""
    said = played(
        """
from dynia.interfaces.errors import DyniaError
def closed(event, arguments):
    if event == "socket.connect":
        raise OSError("no way out")
sys.addaudithook(closed)
try:
    fence.prove()
except DyniaError as error:
    print(error.message)
"""
    )
    assert said == ["the fence around this rehearsal does not hold, so nothing was begun"]


def test_the_fence_is_gone_with_the_rehearsal() -> None:
    said = played(
        """
with fence:
    pass
try:
    socket.getaddrinfo("localhost", port)
    print("asked")
finally:
    print(fence.refused)
"""
    )
    assert said == ["asked", "[]"]
