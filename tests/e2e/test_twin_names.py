"""The names of a lab's twin: told by Dynia's own provider over Cloudflare's SDK, asked at the twin's DNS server."""

from __future__ import annotations

import asyncio
import os
import signal
from urllib.parse import urlsplit

import dns.message
import dns.query
import pytest

from dynia.interfaces.desired import CloudflareDns
from dynia.lab import up as twin
from dynia.lab.places import NAMES_PORT
from dynia.lab.process import running
from dynia.providers.dns.registry import dns_for
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.protocols import DnsMark, DnsWish
from tests.e2e.twin_cloud import until

pytestmark = pytest.mark.lab

ZONE = "example.com"
MARK = DnsMark(lineage="a" * 32, cluster="prod")


def answers(environment: dict[str, str], name: str) -> list[str]:
    """As anybody is told who asks the twin's server."""
    host = urlsplit(environment["DYNIA_CLOUDFLARE_URL"]).hostname or ""
    got = dns.query.tcp(dns.message.make_query(name, "A"), host, port=NAMES_PORT, timeout=10)
    return sorted(rdata.to_text() for rrset in got.answer for rdata in rrset)


def test_a_name_that_is_bound_is_answered_and_survives_a_sigkill_of_the_twin(
    lab: Lab, twin_lab: dict[str, str]
) -> None:
    names = dns_for(CloudflareDns(zone=ZONE), twin_lab)
    wish = DnsWish(name=f"api.{ZONE}", type="A", value="198.19.7.129")
    made = asyncio.run(names.create_record(ZONE, wish, MARK))
    assert answers(twin_lab, wish.name) == [wish.value]
    process = running(lab)
    assert process
    os.kill(process, signal.SIGKILL)
    until(lambda: running(lab) is None)
    asyncio.run(twin.up(lab, 0.5, print))
    assert answers(twin_lab, wish.name) == [wish.value]
    asyncio.run(names.delete_record(ZONE, made.record_id, MARK))
    assert answers(twin_lab, wish.name) == []
