"""The short form of `make availability`: what clients notice of a reload of HAProxy, and of a restart."""

from __future__ import annotations

import pathlib
import ssl
from collections.abc import Iterator

import pytest

from dynia.interfaces.desired import Health, SelfSignedTls
from tests.availability.load import Load
from tests.availability.loopback import on_loopback
from tests.availability.row import Row
from tests.availability.service import Service
from tests.availability.wire import Target
from tests.fakes.certificates import authority
from tests.integration.haproxy.program import Haproxy
from tests.integration.haproxy.test_entry import NAME, files_of
from tests.unit.components.clusters import cluster, web_service


@pytest.fixture
def haproxy(tmp_path: pathlib.Path) -> Iterator[Haproxy]:
    """Before the service of the load."""
    with on_loopback(Service("north", "1", piece_every_s=0.05).serve) as port:
        # Asked so seldom that no busy machine lets a check fail.
        service = web_service(health=Health(path="/healthz", interval=600, timeout=60))
        text = files_of(cluster(tls=SelfSignedTls(), services=(service,)))["haproxy.cfg"]
        made = Haproxy(tmp_path, text, authority().sign(NAME), behind=(port,) * 3)
        yield made
        made.stop()


def load(haproxy: Haproxy) -> Load:
    trusted = ssl.create_default_context(cadata=authority().pem)
    target = Target(address="127.0.0.1", port=haproxy.https, host=NAME, tls=trusted)
    # No timed asserts here: whatever is slow is waited for.
    return Load("haproxy", target, around_s=1.0, timeout_s=60.0, sessions=("download",))


def check_all_sent(row: Row) -> None:
    assert row.sent == row.planned == row.outcomes.total() >= 400


def test_a_reload_loses_no_request(haproxy: Haproxy) -> None:
    with load(haproxy) as asking:
        haproxy.reload()
    check_all_sent(asking.row)
    assert not asking.row.failed, asking.row.why()
    assert asking.row.sessions and not asking.row.broken("download")


def test_a_restart_does(haproxy: Haproxy) -> None:
    """What shows that the test above can fail."""
    with load(haproxy) as asking:
        haproxy.restart()
    check_all_sent(asking.row)
    assert asking.row.failed
    assert asking.row.good[-1].end > asking.ended
