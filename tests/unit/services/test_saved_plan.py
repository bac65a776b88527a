"""A plan in a file: what is read is what was saved, and anything else is refused in one clear sentence."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynia.commands.screens.saved import SavedView, saved_json, saved_text
from dynia.interfaces.errors import DyniaError
from dynia.services import saved_plan
from dynia.services.planning.digest import sealed
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.saved_plan import SavedPlan, decode, encode, is_saved_plan
from tests.examples import examples
from tests.laws.random_worlds import broken_worlds
from tests.plans import cases
from tests.unit.screens import samples

replace = msgspec.structs.replace


def saved(plan: Plan) -> SavedPlan:
    return SavedPlan(by="ci@runner", at=1_800_000_000, commit="9d2e11a0", tool="2.0.0", plan=sealed(plan))


GOOD = saved(samples.IMAGE_CHANGE)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_worlds())
def test_what_is_read_is_what_was_saved(world: PlanningInput) -> None:
    kept = saved(make_plan(world))
    assert decode(encode(kept), "p") == kept


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_every_kind_of_action_comes_back(name: str) -> None:
    kept = saved(make_plan(msgspec.json.decode(cases.inputs_of(name), type=PlanningInput)))
    assert decode(encode(kept), "p") == kept


def edited(edit: Callable[[dict[str, Any]], None], *, sum_too: bool = False) -> bytes:
    whole = json.loads(encode(GOOD))
    edit(whole)
    raw = json.dumps(whole["saved"], separators=(",", ":"), ensure_ascii=False).encode()
    if sum_too:
        whole["checksum"] = saved_plan._checksum(raw)
    head = {key: value for key, value in whole.items() if key != "saved"}
    return json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"saved":' + raw + b"}\n"


def _why(whole: dict[str, Any]) -> None:
    whole["saved"]["plan"]["steps"][0]["why"] = "because it is harmless"


def _serial(whole: dict[str, Any]) -> None:
    whole["saved"]["plan"]["serial"] += 1


def _action(whole: dict[str, Any]) -> None:
    whole["saved"]["plan"]["steps"][0]["action"]["type"] = "format_disk"


def _more(whole: dict[str, Any]) -> None:
    whole["saved"]["plan"]["steps"][0]["also"] = 1


ROWS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is no saved plan"),
    "other json": (b'{"clusters": {}}', "is no saved plan"),
    "a list": (b"[]", "is no saved plan"),
    "yaml": (b"clusters:\n  prod: {}\n", "is no saved plan"),
    "not utf-8": (b'{"format": "\xff"}', "is no saved plan"),
    "deep": (b'{"format":' * 100_000, "is no saved plan"),
    "deep within": (encode(GOOD)[:-2] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "is no saved plan"),
    "cut": (encode(GOOD)[:500], "is no saved plan"),
    "newer": (edited(lambda w: w.update(version=2)), "version 2, and this Dynia reads version 1"),
    "no version": (edited(lambda w: w.pop("version")), "version 0, and this Dynia reads version 1"),
    "version as text": (edited(lambda w: w.update(version="1")), "is no saved plan"),
    "one sentence": (edited(_why), "was edited since it was saved"),
    "one number": (edited(_serial), "was edited since it was saved"),
    "one number, and its sum": (edited(_serial, sum_too=True), "was edited since it was saved"),
    "another deed, and its sum": (edited(_action, sum_too=True), "Invalid value 'format_disk'"),
    "more than there is, and its sum": (edited(_more, sum_too=True), "unknown field `also`"),
    "by a person": (json.dumps(json.loads(encode(GOOD)), indent=2).encode(), "was edited"),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_anything_else_is_refused_with_exit_1(row: str) -> None:
    data, said = ROWS[row]
    with pytest.raises(DyniaError) as caught:
        decode(data, "prod.plan")
    assert "prod.plan" in caught.value.message and said in caught.value.message
    assert caught.value.exit_code == 1 and caught.value.hint


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(max_size=200), st.integers(0, 10_000), st.integers(0, 40))
def test_no_bytes_bring_more_than_an_error(noise: bytes, at: int, gone: int) -> None:
    good = encode(GOOD)
    at %= len(good)
    data = good[:at] + noise + good[at + gone :]
    try:
        assert decode(data, "p") == GOOD
    except DyniaError as error:
        assert error.exit_code == 1


def test_of_an_older_version_it_is_known_that_it_is_a_plan() -> None:
    assert is_saved_plan(edited(lambda w: w.update(version=7)))
    assert not is_saved_plan(b'{"format": "dynia.plan", "version": 1}')


def hostile(value: Any) -> Any:
    """The same tree, every text in it followed by what a terminal would obey."""
    if isinstance(value, str):
        return f"{value}\x1b]0;owned\x07\x1b[2J\u202e\r"
    if isinstance(value, list | tuple):
        return [hostile(one) for one in value]
    if isinstance(value, dict):
        return {
            key: one if key in ("type", "kind", "category", "sign") else hostile(one)
            for key, one in value.items()
        }
    return value


def counted(value: Any, extreme: float) -> Any:
    """The same tree with another number in every place of one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(extreme)
    if isinstance(value, float):
        return float(extreme)
    if isinstance(value, list | tuple):
        return [counted(one, extreme) for one in value]
    if isinstance(value, dict):
        return {key: counted(one, extreme) for key, one in value.items()}
    return value


@pytest.mark.parametrize("extreme", [0, -1, -(2**63), 2**63, 2**64 - 1, 10**30, 1e308, -1e308])
def test_no_number_of_a_file_ends_in_a_traceback(extreme: float) -> None:
    for name, plan in samples.PLANS.items():
        tree = counted(msgspec.to_builtins(saved(plan)), extreme)
        for whole in (tree, {**tree, "at": 0}):
            with contextlib.suppress(msgspec.ValidationError):  # then it is what `decode` refuses, below
                whole = {**whole, "plan": msgspec.to_builtins(sealed(msgspec.convert(whole["plan"], Plan)))}
            raw = msgspec.json.encode(whole)
            head = {"format": "dynia.saved-plan", "version": 1, "checksum": saved_plan._checksum(raw)}
            try:
                kept = decode(msgspec.json.encode({**head, "saved": msgspec.Raw(raw)}), "prod.plan")
            except DyniaError as error:
                assert "prod.plan is no saved plan" in error.message, name
                continue
            for detail in ("summary", "normal", "full"):
                assert saved_text(SavedView(file="p", saved=kept), width=80, detail=detail), name  # type: ignore[arg-type]
            assert saved_json(SavedView(file="p", saved=kept)), name


@pytest.mark.parametrize("name", sorted(samples.PLANS))
@pytest.mark.parametrize("detail", ["summary", "normal", "full"])
def test_no_text_of_a_file_is_obeyed_by_a_terminal(name: str, detail: Any) -> None:
    tree = hostile(msgspec.to_builtins(samples.PLANS[name]))
    kept = replace(saved(msgspec.convert(tree, Plan)), by="me\x1b[2J", commit="\x07", tool="\x9b2J")
    view = SavedView(file="a\x1b[2J", saved=decode(encode(kept), "p"), stale=("\x1b[2J",), unknown=("\r",))
    for text in (saved_text(view, width=80, detail=detail), saved_json(view).decode()):
        assert {char for char in text if char != "\n" and not char.isprintable()} == set()
