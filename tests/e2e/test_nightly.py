"""The nightly job on real nodes: all that went wrong stands in one report and one issue, which ends with it."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.e2e.faults import kill_node, until
from tests.e2e.scratch import Scratch
from tests.e2e.test_ci import Team
from tests.fakes.certificates import authority
from tests.fakes.github import GitHub

pytestmark = [pytest.mark.lab, pytest.mark.slow]

NAME = "night.example.test"
HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"
ORPHAN = "docker run -d --name left-over --label com.docker.compose.project=dynia-hello dynia-lab/hello:1"
# The two that are left no longer hear each other.
APART = (
    "nft add table ip apart && nft add chain ip apart i '{ type filter hook input priority -400; }' && "
    "nft add rule ip apart i ip protocol 112 drop"
)


class Night(Team):
    """With a certificate that ends in some days; its files are in the repository of the test alone."""

    def first(self) -> None:
        pair = authority().sign(NAME, days=9, began_days_ago=81)
        tls = self.repo.work / "tls"
        tls.mkdir()
        (tls / "chain.pem").write_text(pair.chain)
        (tls / "key.pem").write_text(pair.key)
        text = (self.repo.work / "clusters.yaml").read_text()
        text = text.replace(
            "    entry:",
            "    tls: {kind: files, certificate: ./tls/chain.pem, key: ./tls/key.pem}\n    entry:",
        ).replace("default: true", f"default: true\n        domains: [{NAME}]")
        (self.repo.work / "clusters.yaml").write_text(text)
        super().first()

    def goes_wrong(self) -> tuple[str, str]:
        """Who was tampered with, and who is off."""
        (holder,) = self.masters()
        first, last = (name for name in sorted(self.cluster.nodes()) if name != holder)
        self.cluster.sh(first, f"echo '# by hand' >>{HAPROXY}")
        self.cluster.sh(first, ORPHAN)
        kill_node(self.cluster, last)
        for name in (holder, first):
            self.cluster.sh(name, APART)
        until(lambda: self.masters() == {holder, first}, 30, "there are no two masters")
        return first, last

    def masters(self) -> set[str]:
        """Who has the address, by the kernels. The state is in git."""
        clusters = json.loads(self.cluster.dynia("state", "pull").stdout)["clusters"]
        (mine,) = (one for one in clusters if one["name"] == self.cluster.name)
        has = f"ip -4 -o addr | grep -F ' {mine['reservedIp']['address']}/'"
        alive = set(self.cluster.docker("ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}").split())
        nodes = [name for name, container in self.cluster.nodes().items() if container in alive]
        return {name for name in nodes if self.cluster.sh(name, has, check=False)}

    def put_right(self, first: str) -> None:
        self.cluster.sh(first, "docker rm --force left-over")
        for name in self.masters():
            self.cluster.sh(name, "nft delete table ip apart")
        until(lambda: len(self.masters()) == 1, 30, "there are two masters still")
        self.cluster.apply(exits=None)
        self.cluster.apply()

    @property
    def issues(self) -> list[tuple[str, str]]:
        return [(one["state"], one["body"]) for one in self.hub.issues]


def report(night: Night, kind: str) -> str:
    """Of the last job."""
    found = night.repo.folder.glob(f"run-*/drift-report/drift.{kind}")
    return max(found, key=lambda path: path.stat().st_mtime).read_text()


def test_one_issue_is_opened_kept_and_closed_and_every_format_names_all_that_is_wrong(
    lab: Lab, tmp_path: Path
) -> None:
    kept = lab.folder / "night-said"
    shutil.rmtree(kept, ignore_errors=True)
    cluster = Scratch(lab, f"night-{time.time_ns() % 10**6}")
    home = cluster.folder
    try:
        with GitHub(keep=kept).serving() as hub:
            check(Night(cluster, hub, tmp_path / "repo"))
            assert hub.unknown == []
    finally:
        cluster.folder = home
        cluster.remove()


def check(night: Night) -> None:
    quiet = night.repo.nightly()
    assert (quiet.exit, night.issues) == (0, []), quiet.log
    first, last = night.goes_wrong()
    bad = night.repo.nightly()
    assert bad.exit == 4, bad.log
    ((state, body),) = night.issues
    said = (
        "haproxy/haproxy.cfg",
        "left-over",
        last,
        "tampered",
        "orphan",
        "split",
        "both MASTER",
        "certificate",
    )
    texts = {kind: report(night, kind) for kind in ("txt", "md", "json", "html")} | {"the issue": body}
    for where, text in texts.items():
        for word in said:
            assert word in text, f"{where} does not name {word}\n{text}"
    assert state == "open" and json.loads(texts["json"])["exitCode"] == 4
    assert json.loads(texts["json"])["drift"][0]["severity"] == "critical"

    assert night.repo.nightly().exit == 4
    assert [state for state, _ in night.issues] == ["open"], "it is the same one"
    night.put_right(first)
    well = night.repo.nightly()
    assert well.exit == 0, well.log
    assert [state for state, _ in night.issues] == ["closed"]
