"""What a node heard, read from the words of curl: nothing is believed that is not there."""

from __future__ import annotations

import pytest

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.interfaces.node_requests import AskRequest, Question, ServiceAnswer
from dynia.providers.ssh.answers import parse_ask, parse_service_answer
from dynia.providers.ssh.messages import ask_message
from tests.unit.node.test_parse_observation import framed

LATE = ServiceAnswer(said="not asked in time", silent=True)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Dynia-Release: ab01\r\n\r\n", ServiceAnswer(status=200, release="ab01")),
        (b"HTTP/2 204 \nx-dynia-release: ab01\n", ServiceAnswer(status=204, release="ab01")),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nx-dynia-release:ab01\r\n\r\n",
            ServiceAnswer(status=503, release="ab01"),
        ),
        (
            b"HTTP/1.1 100 Continue\r\nX-Dynia-Release: old\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            ServiceAnswer(status=200),
        ),
        (b"", ServiceAnswer(said="no answer")),
        (b"HTTP/1.1\r\n\xff\xfe", ServiceAnswer(said="no answer")),
        (b"HTTP/1.1 20000 OK\n", ServiceAnswer(said="no answer")),
        (b"curl: (7) Failed to connect to x port 80\n", ServiceAnswer(said="can't connect")),
        (b"curl: (28) Operation timed out\n", ServiceAnswer(said="no answer in time", silent=True)),
        (b"HTTP/1.1 200 OK\ncurl: (28) late\n", ServiceAnswer(said="no answer in time", silent=True)),
        (b"curl: (60) SSL: no \x1b[5msuch\x1b[0m name\n", ServiceAnswer(said="TLS: SSL: no such name")),
        (b"curl: (52) Empty reply from server\n", ServiceAnswer(said="no answer (Empty reply from server)")),
        (b"curl: (99)\n", ServiceAnswer(said="no answer (curl 99)")),
    ],
)
def test_an_answer_is_read_from_its_last_head_and_from_what_went_wrong(
    raw: bytes, told: ServiceAnswer
) -> None:
    assert parse_service_answer(raw) == told


def test_answers_come_in_any_order_and_one_that_did_not_come_was_not_asked() -> None:
    rows = (b"2", b"HTTP/1.1 200 OK", b".", b"0", b"HTTP/1.1 502 x", b".", b"7", b"HTTP/1.1 200 OK", b".")
    raw = framed({b"answers": rows, b"end": ()})
    assert parse_ask(raw, 3) == (ServiceAnswer(status=502), LATE, ServiceAnswer(status=200))
    assert parse_ask(framed({b"answers": (*rows, b"1", b"HTTP"), b"end": ()}), 2)[1] == LATE
    with pytest.raises(NotObservedError):
        parse_ask(framed({b"answers": rows}), 3)


@pytest.mark.parametrize("host", ["", "-H", "a b", "a\0b", "a/b", "a:b", "a\n"])
def test_what_is_no_host_is_not_told_to_a_node(host: str) -> None:
    with pytest.raises(DyniaError):
        ask_message(AskRequest(questions=(Question(host=host, address="198.18.0.2", port=80, path="/"),)))
