"""One issue for as long as something drifts: opened, edited, left, closed; another one when it comes again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.fakes.github import BOT, REPO, TOKEN, GitHub
from tests.fakes.runner import DYNIA


class Night:
    """`dynia ci nightly` over a report that is given."""

    def __init__(self, folder: Path, hub: GitHub) -> None:
        self.folder, self.hub = folder, hub
        folder.mkdir()

    def ends(self, found: int, said: str = "", *, run: int = 1, cluster: str = "prod") -> str:
        """With the exit code that the report had."""
        (self.folder / "drift.md").write_text(f"<!-- dynia:drift {cluster} -->\n{said}\n")
        environ = {
            "PATH": "/usr/bin:/bin",
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RUN_ID": str(run),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
        }
        argv = ["ci", "nightly", "--cluster", cluster, "--report", str(self.folder), "--found", str(found)]
        done = subprocess.run([str(DYNIA), *argv], env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == found, done.stderr
        return done.stdout + done.stderr

    def states(self) -> list[str]:
        return [str(issue["state"]) for issue in self.hub.issues]


@pytest.fixture
def night(tmp_path: Path, hub: GitHub) -> Night:
    return Night(tmp_path / "report", hub)


def test_one_issue_is_opened_kept_and_closed(night: Night, hub: GitHub) -> None:
    night.ends(0)
    assert hub.issues == []
    night.ends(3, "haproxy.cfg on web-1 was edited")
    night.ends(3, "haproxy.cfg on web-1 was edited")
    night.ends(4, "web-2 does not answer", run=2)
    (issue,) = hub.issues
    assert issue["state"] == "open" and "web-2 does not answer" in issue["body"]
    assert issue["body"].startswith("<!-- dynia:drift prod -->\n") and issue["body"].count("dynia:drift") == 1
    assert "prod" in issue["title"] and "runs/2" in issue["body"]
    night.ends(0)
    assert night.states() == ["closed"] and "Nothing drifts any more" in issue["body"]
    night.ends(0)
    night.ends(3, "again")
    assert night.states() == ["closed", "open"]


def test_what_is_the_same_as_the_night_before_is_not_written_again(night: Night, hub: GitHub) -> None:
    night.ends(3, "edited")
    night.ends(3, "edited")
    assert [call for call in hub.calls if call.startswith("PATCH")] == []


@pytest.mark.parametrize("found", [1, 5, 130])
def test_a_report_that_claims_nothing_changes_nothing(night: Night, hub: GitHub, found: int) -> None:
    night.ends(3, "edited")
    hub.calls.clear()
    said = night.ends(found)
    assert "nothing is claimed" in said and hub.calls == [] and night.states() == ["open"]


def test_each_cluster_has_its_own_issue_and_nobody_else_s_is_taken(night: Night, hub: GitHub) -> None:
    mine = "<!-- dynia:drift prod -->\nmine"
    hub.issues.append({"number": 7, "user": {"login": "mallory"}, "state": "open", "title": "", "body": mine})
    night.ends(3, "edited")
    night.ends(3, "edited", cluster="staging")
    night.ends(0, cluster="staging")
    assert hub.issues[0]["body"] == mine
    assert night.states() == ["open", "open", "closed"]
    assert {issue["user"]["login"] for issue in hub.issues[1:]} == {BOT}


def test_a_report_as_long_as_they_get_is_taken_and_a_longer_file_is_none(night: Night, hub: GitHub) -> None:
    night.ends(3, "→" * 65_000)
    assert night.states() == ["open"]
    with pytest.raises(AssertionError, match=r"too\s+long"):
        night.ends(3, "→" * 65_001)


@pytest.mark.parametrize("fault", [503, 0, -1])
def test_a_bad_moment_of_github_opens_no_second_issue(night: Night, hub: GitHub, fault: int) -> None:
    hub.faults = [200, 200, fault]
    night.ends(3, "edited")
    assert night.states() == ["open"]
