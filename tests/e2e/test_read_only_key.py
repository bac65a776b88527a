"""A reader's key is enough for drift, plan and status; apply, exec, a shell and a file write are refused by the node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dynia.providers.ssh.keys import fresh_key
from tests.e2e.scratch import Scratch

pytestmark = pytest.mark.lab

HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"
TRACE = "/root/by-a-reader"


def ssh(cluster: Scratch, node: str, key: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """The system's own ssh with that key, as whoever stole it would use it."""
    options = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
               "-o", "LogLevel=ERROR", "-F", "/dev/null", "-i", str(key))  # fmt: skip
    return subprocess.run(
        ["ssh", *options, f"root@{cluster.address(node)}", *argv],
        input=f"touch {TRACE}\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.slow
def test_a_reader_s_key_shows_drift_and_does_nothing_else(cluster: Scratch) -> None:
    private, public = fresh_key()
    key = cluster.folder / "reader"
    key.write_text(private)
    key.chmod(0o600)
    cluster.write_clusters(nodes=1, entry="none")
    readers = f"    ssh: {{readers: [{' '.join(public.split()[:2])}]}}\n    services:\n"
    cluster.edit("clusters.yaml", "    services:\n", readers)
    cluster.apply()
    (node,) = cluster.nodes()
    # In place of the line in sshd's own configuration: this needs no reload.
    cluster.sh(node, "cat /opt/dynia/reader/authorized_keys >>/root/.ssh/authorized_keys")

    cluster.variables["DYNIA_SSH_KEY"] = str(key)
    assert "no drift on 1 node" in cluster.dynia("drift", exits=0).stdout
    cluster.dynia("plan", "--detailed-exitcode", exits=0)
    assert "no answer" not in cluster.dynia("status", exits=0).stdout
    cluster.sh(node, f"echo '# by hand' >>{HAPROXY}")
    assert "haproxy/haproxy.cfg" in cluster.dynia("drift", exits=3).stdout
    before = cluster.sh(node, f"stat -c '%i %Y' {HAPROXY}")

    applied = cluster.apply("--allow-downtime", exits=None)
    assert applied.exit not in (0, 2, 3)
    assert "may only look" in " ".join(f"{applied.stdout} {applied.stderr}".split())
    for argv in (("exec", "hello", "--", "true"), ("node", "ssh", node, "--", "touch", TRACE)):
        assert "may only look" in cluster.dynia(*argv, exits=77).stderr
    assert ssh(cluster, node, key).returncode == 77
    assert ssh(cluster, node, key, f"touch {TRACE}").returncode == 77
    assert ssh(cluster, node, key, "-s", "sftp").returncode != 0
    assert cluster.sh(node, f"stat -c '%i %Y' {HAPROXY}") == before
    assert cluster.sh(node, f"ls {TRACE} 2>/dev/null || echo none").strip() == "none"

    cluster.variables.clear()
    cluster.apply("--allow-downtime")
    assert "no drift on 1 node" in cluster.dynia("drift", exits=0).stdout
