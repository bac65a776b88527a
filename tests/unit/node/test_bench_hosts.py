"""The hosts of the benchmark: a fact that observe.sh begins to tell must be told by them too."""

from __future__ import annotations

from pathlib import Path

from bench.settled_hosts import Host, write_cluster
from dynia.providers.ssh.keys import fresh_key


def test_the_hosts_of_the_benchmark_answer_as_settled_ones_do(tmp_path: Path) -> None:
    """Reading the answers back and planning on them is in `write_cluster`, which refuses what differs."""
    hosts = tuple(
        Host(name=f"host-{n}", address=f"127.1.0.{n}", port=2222, host_key=fresh_key()[1])
        for n in range(1, 4)
    )
    written = write_cluster(tmp_path / "cluster", hosts, "root", tmp_path / "key")
    assert set(written.answers) == {host.name for host in hosts}
    assert written.files >= 12
