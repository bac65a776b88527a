"""The twin survives a SIGKILL: what it answered is kept, and what was under way is carried out."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.twin.judged import TOKEN, rows

ORDER = {"name": "web-1", "size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "lon1", "tags": ["web"]}


@contextmanager
def process(database: pathlib.Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """The twin as a process of its own."""
    argv = [sys.executable, "-m", "dynia.twin.digitalocean", "--database", str(database), "--delay", "0.5"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        url = running.stdout.readline().strip()
        try:
            with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
                yield client, running
        finally:
            running.kill()


def test_an_action_that_was_under_way_at_a_sigkill_completes_after_the_restart(
    tmp_path: pathlib.Path,
) -> None:
    database = tmp_path / "twin.db"
    with process(database) as (client, running):
        made = client.post("/v2/droplets", json=ORDER).json()
        running.send_signal(signal.SIGKILL)
        running.wait()
    (action,) = rows(database, "SELECT * FROM actions")
    assert action["status"] == "in-progress"
    with process(database) as (client, running):
        deadline = time.monotonic() + 10
        while client.get(f"/v2/actions/{action['id']}").json()["action"]["status"] == "in-progress":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        (listed,) = client.get("/v2/droplets?tag_name=web").json()["droplets"]
        assert (listed["id"], listed["status"]) == (made["droplet"]["id"], "active")
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=10) == 0
