"""Certificates from a real ACME server, proven in a zone that a real BIND serves."""

from __future__ import annotations

import asyncio
import pathlib
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from dynia.interfaces.desired import (
    AcmeTls,
    CloudflareDns,
    ClusterSpec,
    DockerProvider,
    EnvSource,
    Rfc2136Dns,
)
from dynia.interfaces.errors import ApplyFailed, DyniaError, Locked, NotObservedError
from dynia.interfaces.pem import Pem
from dynia.providers.dns.registry import dns_for
from dynia.providers.dns.visible import servers_for
from dynia.providers.protocols import CertificateOrder, Certified
from dynia.providers.tls.acme import Acme
from dynia.providers.tls.registry import authority_for
from dynia.twin.cloudflare.nameserver import NameServer
from tests.contract.bind import KEY, Bind
from tests.integration.tls.pebble import Pebble
from tests.twin.judged_cloudflare import TOKEN, cloudflare_in_a_thread

ZONE = "example.test"
NAMES = ("api.example.test", "www.example.test")


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    made = Bind(tmp_path_factory.mktemp("bind"), ZONE)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def pebble(bind: Bind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    made = Pebble(tmp_path_factory.mktemp("pebble"), f"{bind.address}:{bind.port}")
    yield made
    made.stop()


def acme(bind: Bind, pebble: Pebble, **more: str) -> Acme:
    settings = Rfc2136Dns(
        zone=ZONE, server=bind.address, port=bind.port, key=KEY, secret=EnvSource(env="SECRET")
    )
    tls = AcmeTls(**{"email": "ops@example.test", "directory": pebble.directory, "ca": pebble.ca, **more})
    return Acme(tls, ZONE, dns_for(settings, {"SECRET": bind.secret}), servers_for(settings, {}))


def obtain(one: Acme, names: tuple[str, ...] = NAMES, account: bytes = b"") -> tuple[Certified, list[str]]:
    said: list[str] = []
    return asyncio.run(one.obtain(CertificateOrder(names=names, account=account), said.append)), said


def proofs(bind: Bind) -> list[str]:
    return [line for line in bind.zone(ZONE) if "_acme-challenge" in line]


def verified(pem: Pem, root: str, name: str, folder: pathlib.Path) -> str:
    """What openssl says about the chain and the name."""
    (folder / "root.pem").write_text(root)
    (folder / "chain.pem").write_bytes(pem.content)
    argv = [
        "openssl",
        "verify",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "chain.pem",
        "-verify_hostname",
        name,
        "chain.pem",
    ]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_certificate_is_got_for_all_names_and_no_proof_stays(
    bind: Bind, pebble: Pebble, tmp_path: pathlib.Path
) -> None:
    got, said = obtain(acme(bind, pebble))
    assert got.pem.seen.names == NAMES and got.pem.seen.fits
    assert got.pem.seen.origin == f"acme-dns01 {pebble.directory}"
    for name in NAMES:
        assert verified(got.pem, pebble.root(), name, tmp_path) == "chain.pem: OK\n"
    assert "chain.pem: OK" not in verified(got.pem, pebble.root(), "other.example.test", tmp_path)
    assert proofs(bind) == []
    assert said[0].startswith("asking 127.0.0.1:")


def test_another_one_is_got_with_the_same_account_and_another_key(bind: Bind, pebble: Pebble) -> None:
    first, _ = obtain(acme(bind, pebble))
    before = pebble.log.read_text().count("accounts in memory")
    again, _ = obtain(acme(bind, pebble), account=first.account)
    assert again.account == first.account
    assert pebble.log.read_text().count("accounts in memory") == before > 0
    assert again.pem.seen.fingerprint != first.pem.seen.fingerprint
    assert again.pem.content.split(b"PRIVATE KEY")[1] != first.pem.content.split(b"PRIVATE KEY")[1]


def test_one_that_throws_nonces_away_is_asked_again(
    bind: Bind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = Pebble(tmp_path_factory.mktemp("pebble"), f"{bind.address}:{bind.port}", nonce_reject=30)
    try:
        got, _ = obtain(acme(bind, made), NAMES[:1])
    finally:
        made.stop()
    assert got.pem.seen.names == NAMES[:1]


def test_a_proof_that_the_authority_does_not_see_is_told_and_taken_away(
    bind: Bind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It asks another server, which serves another zone of the same name."""
    other = Bind(tmp_path_factory.mktemp("other"), ZONE)
    made = Pebble(tmp_path_factory.mktemp("pebble"), f"{other.address}:{other.port}")
    try:
        with pytest.raises(ApplyFailed, match="does not believe that api") as caught:
            obtain(acme(bind, made), NAMES[:1])
    finally:
        made.stop()
        other.stop()
    assert "dig NS example.test" in caught.value.hint
    assert proofs(bind) == []


def test_a_name_outside_of_the_zone_changes_nothing(bind: Bind, pebble: Pebble) -> None:
    before = bind.zone(ZONE)
    with pytest.raises(DyniaError, match="NOTZONE"):
        obtain(acme(bind, pebble), ("api.elsewhere.test",))
    assert bind.zone(ZONE) == before


def test_an_authority_that_is_not_there_is_not_observed(bind: Bind, pebble: Pebble) -> None:
    with pytest.raises(NotObservedError, match=":9 does not answer"):
        obtain(acme(bind, pebble, directory="https://127.0.0.1:9/dir"))
    assert proofs(bind) == []


class Lease:
    """A guard that loses its lease at one of its calls, counted from 1."""

    def __init__(self, lost_at: int = 0, left: float | None = 3600.0) -> None:
        self.calls, self._lost_at, self._left = 0, lost_at, left

    def check(self) -> None:
        self.calls += 1
        if self.calls == self._lost_at:
            raise Locked("prod: another one took over")
        assert not self._lost_at or self.calls < self._lost_at, "it asked on"

    def left(self) -> float | None:
        return self._left


class Silent:
    """Takes connections, and never says a word. `ended`: whoever came first is gone again."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.directory = f"https://127.0.0.1:{self._socket.getsockname()[1]}/dir"
        self.came, self.ended = threading.Event(), threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self._socket:
            connection, _ = self._socket.accept()
            self.came.set()
            with connection:
                while connection.recv(65536):
                    pass
            self.ended.set()


def under(lease: Lease, bind: Bind, directory: str, ca: str = "") -> Acme:
    settings = Rfc2136Dns(
        zone=ZONE, server=bind.address, port=bind.port, key=KEY, secret=EnvSource(env="SECRET")
    )
    tls = AcmeTls(email="ops@example.test", directory=directory, ca=ca)
    return Acme(tls, ZONE, dns_for(settings, {"SECRET": bind.secret}), servers_for(settings, {}), lease)


def test_no_call_is_waited_for_longer_than_the_lease_surely_lasts(bind: Bind) -> None:
    """Neither by the run nor by the thread that the library waits in: it would end a minute later at best."""
    silent = Silent()

    async def run() -> bool:
        one = under(Lease(left=0.3), bind, silent.directory)
        with pytest.raises(NotObservedError, match=r"this run surely had its lock|read timeout=0\."):
            await one.obtain(CertificateOrder(names=NAMES), lambda text: None)
        return await asyncio.to_thread(silent.ended.wait, 10)

    assert asyncio.run(run()), "its thread went on"
    assert silent.came.is_set()


def test_a_run_that_lost_its_lease_does_not_even_connect(bind: Bind) -> None:
    silent = Silent()
    with pytest.raises(Locked, match="another one took over"):
        obtain(under(Lease(lost_at=1), bind, silent.directory))
    assert not silent.came.is_set()


def test_before_each_call_the_lease_is_looked_at_and_after_a_loss_none_is_made(
    bind: Bind, pebble: Pebble
) -> None:
    """Lost while the account is made, while the order is judged, and before the certificate is asked for."""
    whole = Lease()
    got, _ = obtain(under(whole, bind, pebble.directory, pebble.ca), NAMES[:1])
    assert got.pem.seen.fits and whole.calls >= 6
    for lost_at in (2, 4, whole.calls - 1):
        lease = Lease(lost_at=lost_at)
        with pytest.raises(Locked, match="another one took over"):
            obtain(under(lease, bind, pebble.directory, pebble.ca), NAMES[:1])
        assert lease.calls == lost_at
        assert proofs(bind) == []


def test_an_authority_whose_own_certificate_is_not_trusted_is_not_asked(bind: Bind, pebble: Pebble) -> None:
    with pytest.raises(DyniaError, match="its own certificate is not trusted") as caught:
        obtain(acme(bind, pebble, ca=""))
    assert "tls: {ca: FILE}" in caught.value.hint


def test_interrupted_while_it_waits_it_takes_its_proofs_away(bind: Bind, pebble: Pebble) -> None:
    stood: list[str] = []

    async def play() -> None:
        def say(text: str) -> None:
            if text.startswith("waiting until every server"):
                stood.extend(proofs(bind))
                running.cancel()

        running = asyncio.create_task(acme(bind, pebble).obtain(CertificateOrder(names=NAMES), say))
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(play())
    assert len(stood) == 2
    assert proofs(bind) == []


def test_it_works_through_cloudflare_too(bind: Bind, pebble: Pebble, tmp_path: pathlib.Path) -> None:
    """The twin of its API, whose zone the same server serves; that is where the proof is looked for."""
    name_server = NameServer(bind.address, bind.port, KEY, bind.secret)
    scopes = frozenset(("Zone:Read", "DNS:Edit"))
    with cloudflare_in_a_thread(
        tmp_path / "twin.db", ZONE, tokens={TOKEN: {ZONE: scopes}}, name_server=name_server
    ) as twin:
        environment = {
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "DYNIA_CLOUDFLARE_URL": twin.url,
            "DYNIA_RESOLVER": f"{bind.address}:{bind.port}",
        }
        spec = ClusterSpec(
            name="prod",
            provider=DockerProvider(),
            nodes=1,
            dns=CloudflareDns(zone=ZONE),
            tls=AcmeTls(directory=pebble.directory, ca=pebble.ca),
        )
        authority = authority_for(spec, environment)
        assert authority is not None
        order = CertificateOrder(names=NAMES)
        got = asyncio.run(authority.obtain(order, lambda _: None))
    assert got.pem.seen.names == NAMES
    assert proofs(bind) == []
