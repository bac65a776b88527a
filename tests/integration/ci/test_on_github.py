"""The workflows of examples/cluster-repo, run as a runner would, beside GitHub on loopback; no node answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dynia.services.ci_record import review_of
from tests.fakes.cluster_repo import ClusterRepo
from tests.fakes.github import BOT, PERSON, GitHub

NO_PLAN = "There is no plan, so merging this applies nothing."
MARKER = "<!-- dynia:plan prod -->"


def digest_of(body: str) -> str:
    review = review_of(body)
    assert review is not None
    return review.digest


def changed(repo: ClusterRepo, branch: str, tag: str) -> None:
    repo.branch(branch)
    repo.image(tag)
    repo.commit(branch, f"image {tag}")


def test_a_pull_request_has_one_comment_that_follows_its_branch(repo: ClusterRepo, hub: GitHub) -> None:
    changed(repo, "two", "2")
    job = repo.plan(1, "two")
    assert job.exit == 0, job.log
    (first,) = hub.on(1)
    assert first.startswith(f"{MARKER}\n") and "site:2" in first and len(first) < 65_536
    assert job.outputs == {"digest": digest_of(first), "changes": "true", "exit-code": "0"}
    assert job.summary.strip() == first.strip()
    repo.image("3")
    repo.commit("two", "another one")
    assert repo.plan(1, "two").exit == 0
    (second,) = hub.on(1)
    assert "site:3" in second and "site:2" not in second and digest_of(second) != digest_of(first)


def test_each_pull_request_and_each_author_has_its_own_comment(repo: ClusterRepo, hub: GitHub) -> None:
    changed(repo, "two", "2")
    hub.pull(1)
    hub.say("mallory", 1, f"{MARKER}\nmine")
    hub.say(BOT, 1, f"quoted:\n{MARKER}")
    assert repo.plan(1, "two").exit == 0
    assert repo.plan(2, "two").exit == 0
    assert len(hub.on(1)) == 2 and len(hub.on(2)) == 1
    assert hub.on(1, "mallory") == [f"{MARKER}\nmine"]


def test_a_comment_is_found_behind_hundreds_of_others(repo: ClusterRepo, hub: GitHub) -> None:
    changed(repo, "two", "2")
    hub.pull(1)
    for number in range(230):
        hub.say("ada", 1, f"remark {number}")
    for _ in range(2):
        assert repo.plan(1, "two").exit == 0
    assert len(hub.on(1)) == 1


def test_a_mistake_in_the_file_is_in_the_comment_and_takes_the_digest_away(
    repo: ClusterRepo, hub: GitHub
) -> None:
    changed(repo, "two", "2")
    repo.plan(1, "two")
    repo.edit("clusters.yaml", "kind: vip", "kind: wip")
    repo.commit("two", "a slip")
    job = repo.plan(1, "two")
    assert job.exit == 1 and job.outputs == {"digest": "", "changes": "", "exit-code": "1"}
    (said,) = hub.on(1)
    assert NO_PLAN in said and "clusters.yaml:" in said and review_of(said) is None
    commit = repo.merge(1, "two")
    assert repo.apply(commit).exit == 1


@pytest.mark.parametrize("who", ["fork", "bot"])
def test_a_run_without_secrets_only_checks_and_says_so(repo: ClusterRepo, hub: GitHub, who: str) -> None:
    changed(repo, "two", "2")
    hub.calls.clear()
    said = {"home": "mallory/clusters"} if who == "fork" else {"actor": "dependabot[bot]"}
    job = repo.plan(1, "two", **said)
    assert job.exit == 0 and hub.calls == []
    assert "no secrets" in " ".join(job.summary.split()) and "1 service" in job.summary
    assert job.outputs["digest"] == ""
    repo.edit("clusters.yaml", "kind: vip", "kind: wip")
    repo.commit("two", "a slip")
    assert repo.plan(1, "two", **said).exit == 1


def test_what_was_reviewed_is_applied_after_the_merge(repo: ClusterRepo, hub: GitHub) -> None:
    changed(repo, "two", "2")
    repo.plan(1, "two")
    job = repo.apply(repo.merge(1, "two"))
    # These hosts cannot be reached, so it begins and does not get far.
    assert "apply prod: " in job.log and job.exit not in (0, 6), job.log
    _, said = hub.on(1)
    assert said.startswith(
        f"<!-- dynia:apply prod -->\n<!-- dynia:begun {digest_of(hub.on(1)[0])} open -->\n"
    )
    assert f"Exit {job.exit}." in said and "Run the job again" in said


def test_an_apply_that_was_cut_goes_on_when_its_job_runs_again(repo: ClusterRepo, hub: GitHub) -> None:
    changed(repo, "two", "2")
    repo.plan(1, "two")
    commit = repo.merge(1, "two")
    repo.apply(commit)
    again = repo.apply(commit)
    assert "what it left is still what was reviewed" in again.log and again.log.count("apply prod: ") == 1
    assert again.exit != 6


def test_another_file_after_the_cut_is_not_what_was_reviewed(repo: ClusterRepo, hub: GitHub) -> None:
    changed(repo, "two", "2")
    repo.plan(1, "two")
    commit = repo.merge(1, "two")
    repo.apply(commit)
    repo.branch("main")
    repo.image("9")
    later = repo.commit("main", "straight to main")
    hub.pulls[1]["merge_commit_sha"] = later
    job = repo.apply(later)
    assert job.exit == 6 and "apply prod: " not in job.log
    assert "service site: compose.yaml was edited" in " ".join(hub.on(1)[1].split())


def test_a_stale_plan_touches_nothing_and_the_comment_has_the_plan_of_now(
    repo: ClusterRepo, hub: GitHub
) -> None:
    changed(repo, "two", "2")
    repo.plan(1, "two")
    repo.branch("other")
    repo.edit("clusters.yaml", "kind: vip, address: 198.18.7.200", "kind: vip, address: 198.18.7.201")
    repo.commit("main", "straight to main")
    commit = repo.merge(1, "two")
    job = repo.apply(commit)
    assert job.exit == 6 and "apply prod: " not in job.log
    _, said = hub.on(1)
    assert "Nothing was touched" in said and "clusters.yaml: entry was edited" in said
    assert "198.18.7.201" in said and job.outputs["digest"] in said
    assert review_of(said) is None, "what was shown after the merge nobody has reviewed"
    by_hand = repo.apply(commit, inputs={"cluster": "prod", "digest": job.outputs["digest"]})
    assert "apply prod: " in by_hand.log and by_hand.exit != 6


def test_a_forged_comment_applies_nothing(repo: ClusterRepo, hub: GitHub) -> None:
    changed(repo, "two", "2")
    repo.plan(1, "two")
    (said,) = hub.on(1)
    hub.comments.clear()
    hub.say("mallory", 1, said)
    hub.say(BOT, 1, f"Somebody said:\n{said}")
    job = repo.apply(repo.merge(1, "two"))
    assert job.exit == 1 and "no plan was reviewed" in " ".join(job.log.split())
    assert "apply prod: " not in job.log
    assert "nobody has reviewed a plan" in hub.on(1)[-1]


def test_a_token_of_a_person_takes_only_what_that_person_s_token_wrote(
    repo: ClusterRepo, hub: GitHub
) -> None:
    changed(repo, "two", "2")
    repo.plan(1, "two", token=PERSON)
    assert len(hub.on(1, "ada")) == 1
    commit = repo.merge(1, "two")
    assert "no plan was reviewed" in " ".join(repo.apply(commit).log.split())
    assert "apply prod: " in repo.apply(commit, token=PERSON).log


def test_a_commit_that_no_pull_request_made_applies_nothing(repo: ClusterRepo, hub: GitHub) -> None:
    changed(repo, "two", "2")
    repo.plan(1, "two")
    repo.branch("main")
    repo.image("2")
    job = repo.apply(repo.commit("main", "straight to main"))
    assert job.exit == 1 and "apply prod: " not in job.log
    assert "nobody has reviewed a plan of this commit" in job.summary
    assert job.outputs["changes"] == "true" and len(hub.on(1)) == 1


@pytest.mark.parametrize("fault", [503, 429, 0, -1])
def test_a_bad_moment_of_github_makes_no_second_comment(repo: ClusterRepo, hub: GitHub, fault: int) -> None:
    changed(repo, "two", "2")
    hub.pull(1)
    hub.faults = [200, 200, fault]  # the write itself
    assert repo.plan(1, "two").exit == 0
    assert len(hub.on(1)) == 1


def test_a_token_that_may_not_write_fails_the_plan_and_says_what_is_missing(
    repo: ClusterRepo, hub: GitHub
) -> None:
    changed(repo, "two", "2")
    hub.faults = [200, 200, 403]
    job = repo.plan(1, "two")
    assert job.exit == 1 and "pull-requests: write" in " ".join(job.log.split())
    assert job.outputs["changes"] == "true"


def test_the_key_reaches_an_agent_and_neither_a_file_nor_an_argument(
    repo: ClusterRepo, hub: GitHub, tmp_path: Path
) -> None:
    import asyncssh

    key = asyncssh.generate_private_key("ssh-ed25519")
    seen = tmp_path / "seen"
    program = tmp_path / "program"
    program.write_text(
        f'#!/bin/sh\n{{ ssh-add -l; env; cat /proc/[0-9]*/cmdline; }} >"{seen}" 2>/dev/null\nexit 0\n'
    )
    program.chmod(0o755)
    repo.program = program
    changed(repo, "two", "2")
    secret = key.export_private_key().decode()
    # A job of the plan has DYNIA_LOOK_KEY.
    hub.pull(1)
    runner = repo._runner("two")
    runner.secrets = {"DYNIA_LOOK_KEY": secret}
    job = runner.run("plan", "pull_request", {"number": 1}, "0" * 40)
    text = seen.read_bytes().decode(errors="replace")
    assert job.exit == 0 and key.get_fingerprint() in text
    assert secret.splitlines()[1] not in text
    for path in [p for p in tmp_path.rglob("*") if p.is_file() and p != seen]:
        assert secret.splitlines()[1].encode() not in path.read_bytes(), path


def test_every_comment_ends_below_the_limit_and_shows_no_html_of_somebody_else_s(
    repo: ClusterRepo, hub: GitHub
) -> None:
    repo.branch("two")
    nasty = "<img src=x> @everyone ```\n</details> <!-- dynia:digest --> #1\n"
    (repo.work / "site" / "public" / "index.html").write_text(nasty * 4000)
    repo.commit("two", "a page")
    assert repo.plan(1, "two").exit == 0
    (said,) = hub.on(1)
    assert len(said) < 65_536
    fences = re.findall(r"^`{3,}\w*$", said, re.M)
    assert len(fences) % 2 == 0
    outside = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", said, flags=re.M | re.S)
    assert "@everyone" not in outside and "<img" not in outside
