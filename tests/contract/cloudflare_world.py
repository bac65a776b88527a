"""Cloudflare's twin as the DNS contract needs it: a real BIND serves its zone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from dynia.interfaces.desired import CloudflareDns
from dynia.providers.dns.registry import dns_for
from dynia.providers.protocols import DnsMark, DnsProvider
from dynia.twin.cloudflare.nameserver import NameServer
from tests.contract.bind import KEY, Bind
from tests.contract.dns_world import Seen
from tests.twin.judged import rows
from tests.twin.judged_cloudflare import TOKEN, cloudflare_in_a_thread


class CloudflareWorld:
    """A zone of one account; what anybody is answered comes from the BIND behind it."""

    kind = "cloudflare"

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.zone = "contract.example"
        self.mark = DnsMark(lineage=uuid.uuid4().hex, cluster="prod")
        self.bind = Bind(folder, self.zone, address=address)
        self.database = folder / "cloudflare.db"
        server = NameServer(address, self.bind.port, KEY, self.bind.secret)
        scopes = frozenset(("Zone:Read", "DNS:Edit"))
        self._open = ExitStack()
        self.twin = self._open.enter_context(
            cloudflare_in_a_thread(
                self.database, self.zone, tokens={TOKEN: {self.zone: scopes}}, name_server=server
            )
        )
        self._hand = self._open.enter_context(
            httpx.Client(base_url=f"{self.twin.url}/client/v4", headers={"Authorization": f"Bearer {TOKEN}"})
        )

    @property
    def provider(self) -> DnsProvider:
        return self.with_token(TOKEN)

    def with_token(self, token: str) -> DnsProvider:
        environment = {"CLOUDFLARE_API_TOKEN": token, "DYNIA_CLOUDFLARE_URL": self.twin.url}
        return dns_for(CloudflareDns(zone=self.zone), environment)

    def stranger(self) -> DnsProvider:
        return self.with_token("a-token-that-nobody-gave-out")

    def now(self) -> Seen:
        """The vendor's rows, and what its server serves: a change of either is one."""
        kept = rows(self.database, "SELECT * FROM records WHERE deleted IS NULL")
        said = {
            f"{one['name']} {one['type']} {one['content']} {one['proxied']} {one['comment']}" for one in kept
        }
        assert len(said) == len(kept)
        return frozenset(said | self.bind.zone(self.zone))

    def answers(self, name: str, kind: str) -> list[str]:
        return [value.rstrip(".") for value in self.bind.dig(name, kind)]

    def put(self, name: str, kind: str, value: str) -> None:
        body = {"type": kind, "name": name, "content": value}
        self._by_hand("POST", "", body)

    def take(self, name: str, kind: str, value: str) -> None:
        self._by_hand("DELETE", f"/{self._id(name, kind, value)}", None)

    def edit(self, name: str, kind: str, value: str, becomes: str) -> None:
        body = {"type": kind, "name": name, "content": becomes}
        self._by_hand("PATCH", f"/{self._id(name, kind, value)}", body)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """The API: the servers of the zone go on."""
        self._open.close()
        yield

    def stop(self) -> None:
        self._open.close()
        self.bind.stop()

    def _by_hand(self, method: str, path: str, body: object) -> None:
        (zone,) = rows(self.database, "SELECT id FROM zones")
        got = self._hand.request(method, f"/zones/{zone['id']}/dns_records{path}", json=body)
        assert got.status_code == 200, got.text

    def _id(self, name: str, kind: str, value: str) -> str:
        (found,) = rows(
            self.database,
            "SELECT id FROM records WHERE name = ? AND type = ? AND content = ? AND deleted IS NULL",
            name,
            kind,
            value,
        )
        return str(found["id"])
