"""Whatever answers in place of GitHub, a run ends with an error in words, and tells the token to nobody else."""

from __future__ import annotations

import pytest

from dynia.interfaces.errors import DyniaError
from dynia.providers.github import PAUSES_S, GitHub
from dynia.providers.github import Unsure as NotSure
from tests.fakes.github import BOT, PERSON, REPO, TOKEN
from tests.fakes.github import GitHub as StandIn


def asked(hub: StandIn, token: str = TOKEN) -> GitHub:
    return GitHub({"GITHUB_API_URL": hub.url, "GITHUB_TOKEN": token}, REPO, pause=lambda seconds: None)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>",
        b"null",
        b'{"login": 7}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'[{"id": "x", "number": "x"}]',
        b"[[]]",
        b"1e999999",
    ],
)
def test_an_answer_that_is_none_is_an_error_in_words(hub: StandIn, said: bytes) -> None:
    hub.instead = said
    with asked(hub) as github:
        for ask in (github.me, lambda: github.comments(1), lambda: github.merged_pull("a" * 40, "main")):
            with pytest.raises(DyniaError) as error:
                ask()
            assert error.value.message.isprintable()


def test_it_knows_as_whom_it_writes(hub: StandIn) -> None:
    with asked(hub) as github:
        assert github.me() == BOT
    with asked(hub, PERSON) as github:
        assert github.me() == "ada"
    with asked(hub, "no-such") as github, pytest.raises(DyniaError):
        github.comments(1)


def test_who_never_answers_is_asked_a_few_times_and_no_more(hub: StandIn) -> None:
    hub.faults = [503] * 50
    with asked(hub) as github, pytest.raises(DyniaError) as error:
        github.comments(1)
    assert len(hub.calls) == len(PAUSES_S) + 1 and error.value.exit_code == 4


@pytest.mark.parametrize("fault", [0, -1, 502])
def test_what_may_have_been_written_is_not_written_again_blindly(hub: StandIn, fault: int) -> None:
    hub.pull(1)
    hub.faults = [fault]
    with asked(hub) as github, pytest.raises(NotSure):
        github.write_comment(1, "words")
    assert len(hub.calls) == 1


def test_a_redirect_is_not_followed_with_the_token(hub: StandIn) -> None:
    hub.faults = [302]
    with asked(hub) as github, pytest.raises(DyniaError) as error:
        github.comments(1)
    assert "302" in error.value.message and len(hub.calls) == 1


def test_a_token_goes_over_plain_http_to_this_machine_alone() -> None:
    with pytest.raises(DyniaError) as error:
        GitHub({"GITHUB_API_URL": "http://ghe.example.com/api/v3", "GITHUB_TOKEN": TOKEN}, REPO)
    assert TOKEN not in error.value.message
    with pytest.raises(DyniaError):
        GitHub({"GITHUB_API_URL": "https://ghe.example.com", "GITHUB_TOKEN": ""}, REPO)


def test_only_the_pull_request_whose_merge_made_the_commit_counts(hub: StandIn) -> None:
    made = "a" * 40
    for number, commit, into in ((1, made, "main"), (2, made, "release"), (3, "b" * 40, "main")):
        hub.pull(number)
        hub.merge(number, commit)
        hub.pulls[number]["base"] = {"ref": into}
    hub.pull(4)
    hub.pulls[4]["merge_commit_sha"] = made  # not merged yet: GitHub's trial merge
    with asked(hub) as github:
        assert github.merged_pull(made, "main") == 1
        assert github.merged_pull("c" * 40, "main") == 0
