"""The question before an apply: only the cluster's name or yes is a yes, and nobody there is a no."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dynia.commands.approval import approve_apply, approve_destroy
from dynia.commands.output import Output
from dynia.interfaces.errors import Interrupted, Refused, Stale
from dynia.interfaces.files.rewrite import FileEdit
from dynia.interfaces.requests import ApplyRequest, DestroyRequest, Target
from dynia.services.planning.plan import Effect, Plan
from tests.unit.cli.terminals import Terminal, terminal
from tests.unit.screens.samples import DESTROY, IMAGE_CHANGE, MASS, ONE_NODE, PROTECTED

APPLY = ApplyRequest(target=Target())


def answer(
    person: Terminal, approve: Callable[[Plan], bool], what: Plan, *texts: str
) -> bool | BaseException:
    """Ask in this thread while another one types an answer each time a question stands there."""
    typed = threading.Thread(target=_type, args=(person, texts))
    typed.start()
    try:
        return approve(what)
    finally:
        typed.join()


def _type(person: Terminal, texts: tuple[str, ...]) -> None:
    seen = b""
    for number, text in enumerate(texts, start=1):
        while seen.count(b"accepted:") + seen.count(b"destroy it:") < number:
            seen += os.read(person.master, 4096)
        person.type(text)


@pytest.mark.parametrize(
    ("text", "agreed"),
    [
        ("prod\n", True),
        ("yes\n", True),
        ("y\n", False),
        ("\n", False),
        ("YES\n", False),
        ("staging\n", False),
    ],
)
def test_only_the_clusters_name_or_yes_is_accepted(text: str, agreed: bool) -> None:
    with terminal() as person:
        assert answer(person, approve_apply(APPLY, person.output), IMAGE_CHANGE, text) is agreed


def test_what_was_typed_before_the_question_is_no_answer() -> None:
    with terminal() as person:
        person.type("yes\n")
        assert answer(person, approve_apply(APPLY, person.output), IMAGE_CHANGE, "no\n") is False


def test_the_end_of_input_is_a_no() -> None:
    with terminal() as person:
        assert answer(person, approve_apply(APPLY, person.output), IMAGE_CHANGE, "\x04") is False


def test_ctrl_c_at_the_question_means_no_at_once() -> None:

    with terminal() as person:

        def interrupt() -> None:
            _type(person, ("",))
            os.kill(os.getpid(), signal.SIGINT)

        waiting = threading.Thread(target=interrupt)
        waiting.start()
        with pytest.raises(Interrupted) as caught:
            approve_apply(APPLY, person.output)(IMAGE_CHANGE)
        waiting.join()
        assert caught.value.exit_code == 130


def test_the_plan_and_the_clusters_name_stand_before_the_question() -> None:
    seen = io.BytesIO()
    with terminal(NO_COLOR="1") as person:

        def read_and_type() -> None:
            while b"accepted:" not in seen.getvalue():
                seen.write(os.read(person.master, 4096))
            person.type("no\n")

        reading = threading.Thread(target=read_and_type)
        reading.start()
        assert approve_apply(APPLY, person.output)(IMAGE_CHANGE) is False
        reading.join()
    shown = seen.getvalue().decode()
    assert shown.index("Plan: 0 to add") < shown.index("Apply these changes to cluster prod?")
    assert "\x1b" not in shown


def test_without_a_terminal_and_without_yes_nothing_is_applied(nobody: Output, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no terminal") as caught:
        approve_apply(APPLY, nobody)(IMAGE_CHANGE)
    assert "--yes" in caught.value.hint
    assert caught.value.exit_code == 1
    assert "Plan: 0 to add, 1 to change" in (tmp_path / "out").read_text()


def test_yes_is_an_answer_without_a_terminal(nobody: Output) -> None:
    request = ApplyRequest(target=Target(), yes=True)
    assert approve_apply(request, nobody)(IMAGE_CHANGE) is True


def test_json_keeps_the_plan_for_people_off_standard_output(nobody: Output, tmp_path: Path) -> None:
    request = ApplyRequest(target=Target(), yes=True, as_json=True)
    assert approve_apply(request, nobody)(IMAGE_CHANGE) is True
    assert (tmp_path / "out").read_text() == ""
    assert "Plan:" in (tmp_path / "err").read_text()


def test_one_node_is_asked_once_more() -> None:
    with terminal() as person:
        assert answer(person, approve_apply(APPLY, person.output), ONE_NODE, "yes\n", "interrupt\n") is True
    with terminal() as person:
        assert answer(person, approve_apply(APPLY, person.output), ONE_NODE, "yes\n", "yes\n") is False


def test_one_node_in_ci_needs_allow_downtime_beside_yes(nobody: Output) -> None:
    with pytest.raises(Refused, match="interrupts api") as caught:
        approve_apply(ApplyRequest(target=Target(), yes=True), nobody)(ONE_NODE)
    assert "--allow-downtime" in caught.value.hint
    allowed = ApplyRequest(target=Target(), yes=True, allow_downtime=True)
    assert approve_apply(allowed, nobody)(ONE_NODE) is True


def test_a_first_deploy_on_one_node_interrupts_nobody(nobody: Output) -> None:

    serving = tuple(msgspec.structs.replace(s, now=0) for s in ONE_NODE.effect.serving)
    first = msgspec.structs.replace(
        ONE_NODE, effect=msgspec.structs.replace(ONE_NODE.effect, serving=serving)
    )
    assert approve_apply(ApplyRequest(target=Target(), yes=True), nobody)(first) is True


@pytest.mark.parametrize(("text", "agreed"), [("prod\n", True), ("yes\n", False), ("\n", False)])
def test_destroy_wants_the_clusters_name_and_nothing_else(text: str, agreed: bool) -> None:
    with terminal() as person:
        approve = approve_destroy(DestroyRequest(target=Target()), person.output)
        assert answer(person, approve, DESTROY, text) is agreed


def test_destroy_without_a_terminal_wants_the_name_beforehand(nobody: Output) -> None:
    with pytest.raises(Refused, match="no terminal"):
        approve_destroy(DestroyRequest(target=Target()), nobody)(DESTROY)
    with pytest.raises(Refused, match="'staging'"):
        approve_destroy(DestroyRequest(target=Target(), confirmed="staging"), nobody)(DESTROY)
    right = DestroyRequest(target=Target(), confirmed="prod")
    assert approve_destroy(right, nobody)(DESTROY) is True


DEPLOY = ApplyRequest(target=Target(), verb="deploy")


@pytest.mark.parametrize(("text", "written"), [("yes\n", "new\n"), ("no\n", "old\n"), ("\x04", "old\n")])
def test_an_edit_is_written_after_the_yes_and_never_else(tmp_path: Path, text: str, written: str) -> None:
    file = tmp_path / "clusters.yaml"
    file.write_text("old\n")
    edit = FileEdit(path=str(file), before=b"old\n", after=b"new\n")
    with terminal() as person:
        agreed = answer(person, approve_apply(DEPLOY, person.output, edit), IMAGE_CHANGE, text)
    assert agreed is (written == "new\n")
    assert file.read_text() == written


def test_an_edit_is_not_written_where_the_interruption_is_refused(tmp_path: Path, nobody: Output) -> None:
    file = tmp_path / "clusters.yaml"
    file.write_text("old\n")
    edit = FileEdit(path=str(file), before=b"old\n", after=b"new\n")
    with pytest.raises(Refused, match="interrupts api"):
        approve_apply(msgspec.structs.replace(DEPLOY, yes=True), nobody, edit)(ONE_NODE)
    with pytest.raises(Refused, match="no terminal") as caught:
        approve_apply(DEPLOY, nobody, edit)(IMAGE_CHANGE)
    assert "say the same with --yes" in caught.value.hint
    assert file.read_text() == "old\n"
    shown = (tmp_path / "out").read_text()
    assert shown.index("+new") < shown.index("Plan: 0 to add")


def test_a_file_that_changed_while_the_question_stood_stops_the_apply(tmp_path: Path, nobody: Output) -> None:
    file = tmp_path / "clusters.yaml"
    file.write_text("theirs\n")
    edit = FileEdit(path=str(file), before=b"old\n", after=b"new\n")
    with pytest.raises(Stale):
        approve_apply(msgspec.structs.replace(DEPLOY, yes=True), nobody, edit)(IMAGE_CHANGE)
    assert file.read_text() == "theirs\n"


MANY = msgspec.structs.replace(IMAGE_CHANGE, effect=Effect(names=4, names_there=9))


def test_many_names_in_ci_need_force_dns_beside_yes(nobody: Output) -> None:
    with pytest.raises(Refused, match="4 of the 9 DNS records") as caught:
        approve_apply(ApplyRequest(target=Target(), yes=True), nobody)(MANY)
    assert "--force-dns" in caught.value.hint
    allowed = ApplyRequest(target=Target(), yes=True, force_dns=True)
    assert approve_apply(allowed, nobody)(MANY) is True


@pytest.mark.parametrize(("text", "agreed"), [("names\n", True), ("yes\n", False)])
def test_many_names_are_asked_about_once_more(text: str, agreed: bool) -> None:
    with terminal() as person:
        assert answer(person, approve_apply(APPLY, person.output), MANY, "yes\n", text) is agreed


def test_fewer_names_are_no_question_of_their_own(nobody: Output) -> None:
    few = msgspec.structs.replace(IMAGE_CHANGE, effect=Effect(names=3, names_there=9))
    assert approve_apply(ApplyRequest(target=Target(), yes=True), nobody)(few) is True


@pytest.mark.parametrize(("texts", "agreed"), [(("yes\n", "5\n"), True), (("yes\n", "yes\n"), False)])
def test_of_what_goes_in_numbers_the_number_is_asked_for(texts: tuple[str, ...], agreed: bool) -> None:
    with terminal() as person:
        assert answer(person, approve_apply(APPLY, person.output), MASS, *texts) is agreed


@pytest.mark.parametrize(("number", "agreed"), [(0, False), (4, False), (5, True), (9, True)])
def test_without_a_terminal_it_is_said_beforehand(number: int, agreed: bool) -> None:
    out = io.StringIO()
    approve = approve_apply(
        ApplyRequest(target=Target(), yes=True, allow_destroy=number), Output(out, out, io.StringIO(), {})
    )
    if agreed:
        assert approve(MASS)
        return
    with pytest.raises(Refused, match="this destroys 3 of 6 nodes and 2 of 4 services") as caught:
        approve(MASS)
    assert "--allow-destroy 5" in caught.value.hint


@pytest.mark.parametrize("destroying", [False, True])
def test_what_a_protected_cluster_would_lose_is_shown_and_not_asked_about(destroying: bool) -> None:
    out = io.StringIO()
    output = Output(out, out, io.StringIO(), {})
    with pytest.raises(Refused, match=r"is protected \(clusters\.yaml:9:14\)"):
        if destroying:
            approve_destroy(DestroyRequest(target=Target(), confirmed="prod"), output)(PROTECTED)
        else:
            approve_apply(ApplyRequest(target=Target(), yes=True), output)(PROTECTED)
    assert "Refused: the cluster is protected (clusters.yaml:9:14)" in out.getvalue()
