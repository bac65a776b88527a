"""What hostile input did to Dynia once, one plain case each."""

from __future__ import annotations

import base64
import json
import tracemalloc
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from dynia.commands.screens.error import error_text
from dynia.commands.screens.layout import entries, on_nodes
from dynia.commands.screens.text import cells, columns, join_wrapped, wrap
from dynia.interfaces.errors import BadInput, Locked, Mistake
from dynia.interfaces.pem import PemError, read_chain
from dynia.providers.ssh.framing import path_text, text
from dynia.services.planning.mustache_tokens import MOST_MISTAKES as MOST_TAG_MISTAKES
from dynia.services.planning.mustache_tokens import Text, tokenize
from dynia.state import lock
from dynia.state.loaded import Places, load
from dynia.state.snapshot import MOST_MISTAKES, read_text
from tests.bad_input.state.good import LINEAGE, STATE
from tests.fakes.certificates import authority
from tests.fuzz.memory_disk import MemoryDisk
from tests.fuzz.oracle import bounded, harmless
from tests.fuzz.target import CORPUS
from tests.fuzz.targets.dns_answers import DnsAnswers
from tests.fuzz.targets.journal import HOME, _sealed

STATE_FILE = Path("/w/state.json")


def refusal(raw: bytes) -> tuple[Mistake, ...]:
    with pytest.raises(BadInput) as caught:
        read_text(STATE_FILE, raw, LINEAGE)
    return caught.value.mistakes


@pytest.mark.parametrize("sign", ["a", "…", "é", "\x1b"])
def test_a_mistake_in_a_line_of_a_million_characters_is_shown_like_any_other(sign: str) -> None:
    """Cutting the line took time with its square: 9 KB were enough for half a minute."""
    line = sign * 500_000 + "HERE" + sign * 500_000
    with bounded(5):
        shown = error_text(
            BadInput((Mistake(file="f", line=1, column=500_001, key="k", message="m", text=line, width=4),)),
            width=80,
        )
    assert "HERE" in shown
    caret = next(row for row in shown.splitlines() if "^^^^" in row)
    place = next(row for row in shown.splitlines() if "HERE" in row)
    assert caret.index("^^^^") == cells(place[: place.index("HERE")])
    assert all(cells(row) <= 80 for row in shown.splitlines())


def test_half_a_character_in_the_state_is_a_mistake_at_its_place() -> None:
    raw = STATE.replace("swift-fox", "swift\\ud83dfox")
    (found,) = refusal(raw.encode())
    assert (found.rule, found.line, found.width) == ("not-utf8", 12, 6)
    assert read_text(STATE_FILE, STATE.replace("swift-fox", "swift\\ud83d\\ude00").encode(), LINEAGE)
    assert read_text(STATE_FILE, STATE.replace("a2", "\\\\ud83d").encode(), LINEAGE)


def test_a_number_with_thousands_of_digits_is_a_mistake() -> None:
    raw = STATE.replace('"serial": 40, "generation"', f'"serial": {"9" * 5000}, "generation"').encode()
    assert [one.rule for one in refusal(raw)] == ["not-json"]


def test_a_state_in_which_every_entry_is_wrong_is_refused_at_once() -> None:
    """Each mistake walked through the whole text again."""
    tree = json.loads(STATE)
    tree["nodes"] = [{**tree["nodes"][0], "port": "22"} for _ in range(20_000)]
    with bounded(10):
        found = refusal(json.dumps(tree, indent=1).encode())
    assert len(found) == MOST_MISTAKES
    assert found[0].key == "nodes[0].port" and found[1].line > found[0].line
    tree["nodes"] = [{**tree["nodes"][0], "port": 0} for _ in range(20_000)]
    with bounded(10):
        assert len(refusal(json.dumps(tree).encode())) == MOST_MISTAKES


@pytest.mark.parametrize("name", ["long-number.json", "deep.json"])
def test_an_odd_record_is_refused_in_words(name: str) -> None:
    raw = _sealed((CORPUS / "journal" / name).read_bytes())
    disk = MemoryDisk({"/w/state.json": STATE.encode(), f"{HOME}00000041.json": raw})
    try:
        found = load(disk, Places(folder=Path("/w")))  # type: ignore[arg-type]
        assert found is not None and found.journals["prod"].torn == ("00000041.json",)
    except BadInput as error:
        assert error.mistakes[0].rule == "wrong-value"


@pytest.mark.parametrize(
    "content",
    [
        b'{"who":"me","pid":1,"host":"h","since":99999999999999999}',
        b'{"who":"me","pid":1,"host":"h","since":-99999999999999999}',
        b'{"who":"\xcf\xff","pid":1,"host":"h","since":1}',
        b"[" * 4000,
    ],
)
def test_a_lock_s_file_may_say_anything(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "lock-prod"
    held = lock.hold(path, "somebody", wait=0)
    path.write_bytes(content)
    with pytest.raises(Locked, match="is locked by"):
        lock.hold(path, "me", wait=0)
    held.close()


def test_marks_that_turn_text_around_are_taken_out_of_what_a_node_says() -> None:
    assert text("a\u200eb\u200fc\u061cd".encode()) == "abcd"
    assert path_text("/opt/\u200f".encode()) == "/opt/\\x200f"


def test_no_layout_hands_on_what_a_terminal_obeys() -> None:
    bad = "a\x1b[31m\u202e\x08b"
    shown = [
        *columns([[bad, bad]], 80),
        *(row for lines in entries([("  ~ ", (bad, bad))], 80) for row in lines),
        *wrap(bad, 80),
        *join_wrapped([bad, bad], 80, first="  "),
        on_nodes([bad], [bad], 3),
    ]
    harmless(shown[:-1], "a layout")
    assert len(shown) >= 5


def test_a_template_of_opened_tags_alone_is_refused_at_once() -> None:
    """Each mistake kept its whole line: 200 KB became gigabytes."""
    tracemalloc.start()
    try:
        with bounded(10):
            _, found = tokenize(Text("x", "{{#a" * 60_000))
        assert len(found) == MOST_TAG_MISTAKES
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_certificate_whose_key_cannot_be_read_is_a_mistake() -> None:
    with pytest.raises(PemError, match="cannot be read"):
        read_chain((CORPUS / "certificate" / "key-that-is-none.pem").read_bytes(), key_hash="")


def test_a_certificate_of_a_version_that_there_is_not_is_a_mistake() -> None:
    good = authority().certificate.public_bytes(Encoding.DER)
    (at,) = (n for n in range(12) if good[n : n + 5] == b"\xa0\x03\x02\x01\x02")
    odd = base64.encodebytes(good[: at + 4] + b"\x01" + good[at + 5 :])
    with pytest.raises(PemError, match="cannot be read"):
        read_chain(b"-----BEGIN CERTIFICATE-----\n" + odd + b"-----END CERTIFICATE-----\n", key_hash="")


def test_a_name_server_that_breaks_off_in_the_middle_of_an_answer_tells_nothing() -> None:
    """An answer over UDP that was cut off is asked for again over TCP, and there it ends too soon."""
    border = DnsAnswers()
    assert border.judge(border.good()[-1]).outcome.startswith("refused")
