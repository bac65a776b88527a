"""What a node hears when it asks for services: by real curl, of real servers, many at a time in one go."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dynia.interfaces.node_requests import AskRequest, Question, ServiceAnswer
from dynia.providers.ssh import answers, messages
from tests.fakes.certificates import Pair, authority
from tests.integration.node_scripts.machine import Machine

RELEASE = "ab01cd23ef456789"
# An address of loopback that nothing else listens on.
OWN = "127.77.3.1"
HOST = "api.example.com"


@contextmanager
def caddy(port: int = 0, pair: Pair | None = None, machine: Machine | None = None) -> Iterator[int]:
    """Answers by Host; /meet waits until two are here at the same time, /never says nothing."""
    met = threading.Barrier(2, timeout=20)
    over = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/never":
                over.wait(20)
                return
            if self.path == "/meet":
                met.wait()
            status = {HOST: 200, "old.example.com": 404}.get(self.headers["Host"], 421)
            self.send_response_only(100)
            self.end_headers()
            self.send_response(status)
            if status != 421:
                self.send_header("x-dynia-release", RELEASE)
            self.send_header("Set-Cookie", "x" * 9000)
            self.end_headers()
            self.wfile.write(b"HTTP/1.1 500 body\r\nX-Dynia-Release: forged\r\n")

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = http.server.ThreadingHTTPServer((OWN, port), Handler)
    server.daemon_threads = True
    if pair is not None and machine is not None:
        machine.write("served.pem", pair.chain + pair.key, 0o600)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(machine.path("served.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def ask(machine: Machine, *questions: Question, within_s: int = 20) -> tuple[ServiceAnswer, ...]:
    message = messages.ask_message(AskRequest(questions=questions))
    return answers.parse_ask(machine.run("ask", (str(within_s),), message), len(questions))


def question(port: int, host: str = HOST, path: str = "/healthz?a=%20b", address: str = OWN) -> Question:
    return Question(host=host, address=address, port=port, path=path)


def test_each_question_has_its_own_answer_in_its_place(machine: Machine) -> None:
    with caddy() as port:
        hosts = [HOST, "old.example.com", "unknown.example.com"] * 20
        told = ask(machine, *(question(port, host) for host in hosts), question(1))
    each = (
        ServiceAnswer(status=200, release=RELEASE),
        ServiceAnswer(status=404, release=RELEASE),
        ServiceAnswer(status=421),
    )
    assert told == (*each * 20, ServiceAnswer(said="can't connect"))


def test_no_question_is_no_trouble(machine: Machine) -> None:
    assert ask(machine) == ()


def test_one_question_does_not_wait_for_another(machine: Machine) -> None:
    """Each is answered only while the other one is asked too."""
    with caddy() as port:
        told = ask(machine, question(port, path="/meet"), question(port, path="/meet"))
    assert told == (ServiceAnswer(status=200, release=RELEASE),) * 2


def test_what_says_nothing_is_told_as_that_and_holds_up_no_other(machine: Machine) -> None:
    with caddy() as port:
        told = ask(machine, question(port, path="/never"), question(port))
        late = ask(machine, question(port, path="/never"), within_s=1)
    assert told == (
        ServiceAnswer(said="no answer in time", silent=True),
        ServiceAnswer(status=200, release=RELEASE),
    )
    assert late == (ServiceAnswer(said="not asked in time", silent=True),)


def test_over_tls_it_must_be_the_certificate_that_lies_there_and_good_for_the_name(machine: Machine) -> None:
    """Only the leaf and its key lie there: its authority is not asked."""
    mine = authority().sign(HOST)
    machine.write("tls/cluster.pem", f"# dynia origin x\n{mine.chain}{mine.key}", 0o600)
    with caddy(443, mine, machine):
        well, other = ask(machine, question(443), question(443, "other.example.com"))
    assert well == ServiceAnswer(status=200, release=RELEASE)
    assert other.said.startswith("TLS: ") and "other.example.com" in other.said


@pytest.mark.parametrize(
    ("lies", "served"),
    [
        (authority().sign(HOST), authority().sign(HOST)),
        (authority().sign(HOST, days=-2, began_days_ago=9),) * 2,
    ],
    ids=["another", "expired"],
)
def test_another_certificate_and_one_that_expired_are_told(
    machine: Machine, lies: Pair, served: Pair
) -> None:
    machine.write("tls/cluster.pem", lies.chain + lies.key, 0o600)
    with caddy(443, served, machine):
        (told,) = ask(machine, question(443))
    assert told.said.startswith("TLS: ") and not told.status and not told.silent


def test_where_no_certificate_lies_it_is_told(machine: Machine) -> None:
    with caddy(443, authority().sign(HOST), machine):
        (told,) = ask(machine, question(443))
    assert told.said.startswith("TLS: ")
