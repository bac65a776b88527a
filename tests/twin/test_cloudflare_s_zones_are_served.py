"""Cloudflare's twin as a process of its own, and the real BIND that anybody asks about its zones."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.message
import dns.query
import dns.rdatatype
import httpx
import pytest

from tests.contract.bind import KEY, Bind
from tests.twin.judged import rows
from tests.twin.judged_cloudflare import TOKEN

ZONE = "example.com"


class Running:
    """The twin's process, and a hand for its API."""

    def __init__(self, process: subprocess.Popen[str], client: httpx.Client) -> None:
        self.process, self._client = process, client
        (zone,) = self.ask("GET", f"/zones?name={ZONE}")["result"]
        self._records = f"/zones/{zone['id']}/dns_records"

    def ask(self, method: str, path: str, body: object = None) -> dict:  # type: ignore[type-arg]
        got = self._client.request(method, f"/client/v4{path}", json=body)
        assert got.status_code == 200, got.text
        return got.json()  # type: ignore[no-any-return]

    def put(self, type: str, name: str, content: str, **more: object) -> str:
        body = {"type": type, "name": name, "content": content, **more}
        return str(self.ask("POST", self._records, body)["result"]["id"])

    def change(self, id: str, type: str, name: str, content: str) -> None:
        self.ask("PUT", f"{self._records}/{id}", {"type": type, "name": name, "content": content})

    def take(self, id: str) -> None:
        self.ask("DELETE", f"{self._records}/{id}")


@contextmanager
def twin(folder: pathlib.Path, bind: Bind | None) -> Iterator[Running]:
    argv = [
        sys.executable,
        "-m",
        "dynia.twin.cloudflare",
        "--database",
        str(folder / "cf.db"),
        "--zone",
        ZONE,
    ]
    if bind:
        key = folder / "twin.key"
        key.write_text(f'key "{KEY}" {{\n\talgorithm hmac-sha256;\n\tsecret "{bind.secret}";\n}};\n')
        argv += ["--dns-server", f"127.0.0.1:{bind.port}", "--tsig", str(key)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        try:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            with httpx.Client(base_url=url, headers=headers, timeout=20) as client:
                yield Running(process, client)
        finally:
            process.kill()


@pytest.fixture
def bind(tmp_path: pathlib.Path) -> Iterator[Bind]:
    folder = tmp_path / "bind"
    folder.mkdir()
    made = Bind(folder, ZONE)
    yield made
    made.stop()


def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_the_api_was_told_is_what_anybody_is_answered(tmp_path: pathlib.Path, bind: Bind) -> None:
    with twin(tmp_path, bind) as running:
        api = running.put("A", "api", "198.18.7.5")
        assert bind.dig(f"api.{ZONE}", "A") == ["198.18.7.5"]
        more = running.put("A", "api", "198.18.7.6")
        assert bind.dig(f"api.{ZONE}", "A") == ["198.18.7.5", "198.18.7.6"]
        running.take(more)
        running.change(api, "CNAME", "api", "else.example.net")
        assert (bind.dig(f"api.{ZONE}", "A"), bind.dig(f"api.{ZONE}", "CNAME")) == ([], ["else.example.net."])
        running.change(api, "A", "moved", "198.18.7.7")
        assert (bind.dig(f"api.{ZONE}", "CNAME"), bind.dig(f"moved.{ZONE}", "A")) == ([], ["198.18.7.7"])
        running.take(api)
        assert bind.dig(f"moved.{ZONE}", "A") == []


def test_a_proxied_record_is_answered_by_its_own_value(tmp_path: pathlib.Path, bind: Bind) -> None:
    """The twin has no proxy; the docs say so."""
    with twin(tmp_path, bind) as running:
        running.put("A", "api", "198.18.7.5", proxied=True)
        assert bind.dig(f"api.{ZONE}", "A") == ["198.18.7.5"]


def test_a_zone_s_own_name_can_be_an_alias_and_answers_with_addresses(
    tmp_path: pathlib.Path, bind: Bind
) -> None:
    with twin(tmp_path, bind) as running:
        running.put("CNAME", "@", f"www.{ZONE}")
        running.put("CNAME", "www", f"api.{ZONE}")
        api = running.put("A", "api", "198.18.7.5")
        assert bind.dig(ZONE, "A") == ["198.18.7.5"]
        assert bind.dig(f"www.{ZONE}", "CNAME") == [f"api.{ZONE}."]
        running.change(api, "A", "api", "198.18.7.6")
        assert bind.dig(ZONE, "A") == ["198.18.7.6"]
        assert bind.dig(ZONE, "NS") == [f"ns.{ZONE}."]


def test_texts_caa_and_ttls_are_served_as_given(tmp_path: pathlib.Path, bind: Bind) -> None:
    with twin(tmp_path, bind) as running:
        running.put("TXT", "a", '"v=spf1 -all"')
        running.put("TXT", "b", "unquoted " + "x" * 300)
        caa = {"flags": 0, "tag": "issue", "value": "ca.example.net"}
        running.put("CAA", "@", "", data=caa)
        running.put("A", "short", "198.18.7.5", ttl=60)
        running.put("A", "usual", "198.18.7.5")
        assert bind.dig(f"a.{ZONE}", "TXT") == ['"v=spf1 -all"']
        (long,) = bind.dig(f"b.{ZONE}", "TXT")
        assert long.replace('" "', "") == f'"unquoted {"x" * 300}"'
        assert bind.dig(ZONE, "CAA") == ['0 issue "ca.example.net"']
        ttls = {}
        for word in ("short", "usual"):
            query = dns.message.make_query(f"{word}.{ZONE}", dns.rdatatype.A)
            ttls[word] = dns.query.tcp(query, "127.0.0.1", port=bind.port, timeout=10).answer[0].ttl
        assert ttls == {"short": 60, "usual": 300}


def test_what_was_answered_survives_a_sigkill_and_is_served_again(tmp_path: pathlib.Path, bind: Bind) -> None:
    """The name server forgot everything meanwhile."""
    with twin(tmp_path, bind) as running:
        running.put("A", "api", "198.18.7.5", comment="dynia")
        running.take(running.put("A", "old", "198.18.7.6"))
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    bind.by_hand(ZONE, ("-", f"api.{ZONE}", "A"), ("+", f"old.{ZONE}", "A 198.18.7.6"))
    with twin(tmp_path, bind) as running:
        assert bind.dig(f"api.{ZONE}", "A") == ["198.18.7.5"]
        assert bind.dig(f"old.{ZONE}", "A") == []
        (kept,) = rows(tmp_path / "cf.db", "SELECT * FROM records WHERE deleted IS NULL")
        assert (kept["name"], kept["comment"]) == (f"api.{ZONE}", "dynia")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=10) == 0


def test_while_the_name_server_is_away_the_api_goes_on_and_the_zone_follows(
    tmp_path: pathlib.Path, bind: Bind
) -> None:
    with twin(tmp_path, bind) as running:
        bind.pause()
        try:
            running.put("A", "api", "198.18.7.5")
            assert rows(tmp_path / "cf.db", "SELECT * FROM unpublished")
        finally:
            bind.go_on()
        until(lambda: bind.dig(f"api.{ZONE}", "A") == ["198.18.7.5"])
        until(lambda: not rows(tmp_path / "cf.db", "SELECT * FROM unpublished"))


def test_without_a_name_server_it_is_only_the_api(tmp_path: pathlib.Path) -> None:
    with twin(tmp_path, None) as running:
        running.put("A", "api", "198.18.7.5")
    assert len(rows(tmp_path / "cf.db", "SELECT * FROM records")) == 1


def test_a_server_without_its_key_is_a_mistake_in_the_command(tmp_path: pathlib.Path) -> None:
    argv = [sys.executable, "-m", "dynia.twin.cloudflare", "--database", str(tmp_path / "cf.db")]
    done = subprocess.run([*argv, "--dns-server", "127.0.0.1:53"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--dns-server and --tsig go together" in done.stderr
    assert "Traceback" not in done.stderr
