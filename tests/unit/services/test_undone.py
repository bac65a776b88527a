"""An apply after which something that the file wants is not there: the exit code, and the last line that says what."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from dynia.commands.screens.apply import apply_result_text, left_text
from dynia.interfaces.desired import ApiEntry, ClusterSpec, EnvSource, Rfc2136Dns
from dynia.interfaces.events import RunEnded
from dynia.interfaces.observed import DnsRecord
from dynia.services.apply_result import ApplyResult, code_of
from dynia.services.planning.components.failover import TOKEN
from dynia.services.planning.plan import Plan, Waiting
from tests.fakes.cloud import Cloud, Engine, applied, fresh_disk, yes
from tests.fakes.disk import FakeDisk
from tests.fakes.time_that_jumps import run
from tests.plans import worlds

replace = msgspec.structs.replace
DOTENV = "/opt/dynia/services/api/.env"
ZONE = Rfc2136Dns(zone="example.com", server="ns.example.com", key="dynia", secret=EnvSource(env="DNS_KEY"))
PLAIN = worlds.cluster(2, (worlds.service(config="level = 1\n"),))
NAMED = replace(PLAIN, dns=ZONE)
DOMAIN = PLAIN.services[0].domains[0]
THEIRS = DnsRecord(record_id="theirs", name=DOMAIN, type="A", value="203.0.113.7", ours=False)


def in_the_way() -> tuple[Cloud, FakeDisk]:
    cloud, disk = applied(PLAIN)
    cloud.records["theirs"] = THEIRS
    return cloud, disk


def without(secret: str, cloud: Cloud, disk: FakeDisk, spec: ClusterSpec) -> ApplyResult:
    """Applied where the source of one secret is not."""
    one = Engine(cloud, disk, spec)
    here = {path: content for path, content in one.run.session.secrets.items() if path != secret}
    one.run.session = dataclasses.replace(one.run.session, secrets=here)
    return one.apply()


def test_a_name_that_is_not_bound_is_exit_7_with_and_without_something_else_to_do() -> None:
    cloud, disk = in_the_way()
    louder = replace(NAMED, services=(worlds.service(config="level = 2\n"),))
    first, again = Engine(cloud, disk, louder), Engine(cloud, disk, louder)
    for one, worked in ((first, True), (again, False)):
        done = one.apply()
        assert (done.exit_code, bool(done.done), done.failures) == (7, worked, ())
        assert [subject for subject, _ in done.left] == [f"dns {DOMAIN}"]
        told = " ".join(left_text(done, width=80).split())
        assert told.startswith(
            f"Exit 7: not done: dns {DOMAIN} (A 203.0.113.7 is in the way and is not ours;"
        )
        assert told.endswith("). Next: mend that, then run `dynia apply` again.")
        assert apply_result_text(done, width=80).endswith(left_text(done, width=80))
    ended = next(event for event in first.events if isinstance(event, RunEnded))
    assert (ended.result, ended.exit_code) == ("undone", 7)
    assert cloud.records["theirs"] == THEIRS
    del cloud.records["theirs"]
    assert Engine(cloud, disk, louder).apply().exit_code == 0


def test_sync_leaves_names_to_apply_and_has_done_what_it_is_for() -> None:
    cloud, disk = in_the_way()
    done = run(Engine(cloud, disk, NAMED).run.apply(yes, restrict=True))
    assert done.exit_code == 0 and done.left and not left_text(done, width=80)


def test_an_apply_is_whole_without_a_secret_that_nodes_have_or_that_only_the_claim_unit_waits_for() -> None:
    spec = replace(PLAIN, entry=ApiEntry())
    cloud, disk = applied(spec)
    for kept in (without(TOKEN, cloud, disk, spec), without(TOKEN, Cloud(), fresh_disk(), spec)):
        assert (kept.exit_code, kept.left) == (0, ())
        said = [w.reason for w in kept.last.waiting]
        assert said == ["DYNIA_FAILOVER_TOKEN is not set (compared at apply)"] * 2


def test_a_secret_that_a_node_lacks_and_that_is_not_here_is_exit_7() -> None:
    spec = worlds.cluster(2, (worlds.service(env="PASSWORD=x\n"),))
    fresh = without(DOTENV, Cloud(), fresh_disk(), spec)
    assert (fresh.exit_code, fresh.failures) == (7, ())
    assert f"Exit 7: not done: {DOTENV} on " in " ".join(left_text(fresh, width=80).split())


def test_while_a_node_is_silent_it_is_exit_4_whatever_else_is_left() -> None:
    cloud, disk = in_the_way()
    cloud.cut.add(cloud.machines[2].name)
    done = Engine(cloud, disk, NAMED).apply()
    said = " ".join(left_text(done, width=80).split())
    assert done.exit_code == 4 and said.startswith("Exit 4. Next: run `dynia apply` again")
    assert said.endswith("One that does not come back: `dynia node replace NAME`.")


@pytest.mark.parametrize(
    ("waiting", "code"),
    [
        ((), 0),
        ((Waiting(subject="a", reason="said", final=True),), 0),
        ((Waiting(subject="a", reason="unknown", unseen=True),), 4),
        ((Waiting(subject="a", reason="unknown", unseen=True), Waiting(subject="b", reason="no")), 7),
    ],
)
def test_what_waits_decides(waiting: tuple[Waiting, ...], code: int) -> None:
    assert code_of(Plan(cluster="prod", lineage="l", serial=1, generation=1, waiting=waiting)) == code
