"""What of drift the files can be made to say: a service's own files, and whether Cloudflare stands before names."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from dynia.interfaces.desired import CloudflareDns, ClusterSpec, ShippedFile
from dynia.interfaces.errors import Refused
from dynia.interfaces.files.yaml_edit import Put, edit
from dynia.interfaces.observed import DnsRecord, FileSeen, NodeFacts
from dynia.services.actions import BindDns, UnbindDns
from dynia.services.drift_adoption import Adoption, adopt
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Drift
from dynia.services.planning.planner import make_plan
from tests.plans import worlds
from tests.plans.cases import settled

replace = msgspec.structs.replace
CONFIG = "/opt/dynia/services/api/config/app.toml"
BEFORE, AFTER = b"level = 1\n", b"level = 2\n"


def digest(text: bytes) -> str:
    return "sha256:" + hashlib.sha256(text).hexdigest()


def saying(given: PlanningInput, ordinal: int, path: str, text: bytes, **more: object) -> PlanningInput:
    """A file of a node says something else."""

    def change(facts: NodeFacts) -> NodeFacts:
        def one(file: FileSeen) -> FileSeen:
            return replace(file, digest=digest(text), **more) if file.path == path else file

        return replace(facts, files=tuple(map(one, facts.files)))

    return worlds.with_facts(given, worlds.node_named(given, ordinal), change)


def world(config: str = BEFORE.decode()) -> PlanningInput:
    return settled(worlds.cluster(services=(worlds.service(config=config),)))


def adopted(given: PlanningInput, *meant: int) -> Adoption:
    found = make_plan(given).drift
    assert given.desired is not None
    return adopt(given, given.desired, found, tuple(found[n] for n in meant) if meant else found)


def refused(given: PlanningInput) -> Refused:
    with pytest.raises(Refused) as error:
        adopted(given)
    return error.value


def test_an_edited_file_of_a_service_is_taken_from_the_node_into_the_file_that_it_comes_from() -> None:
    given = saying(world(), 1, CONFIG, AFTER)
    (one,) = adopted(given).taken
    assert (one.source, one.before) == ("./api/config/app.toml", BEFORE)
    assert (one.node, one.path, one.digest) == (worlds.node_named(given, 1), CONFIG, digest(AFTER))


def test_with_the_file_that_says_it_nothing_has_drifted_any_more() -> None:
    given = saying(world(), 1, CONFIG, AFTER)
    said = worlds.wanting(given, world(AFTER.decode()).desired)
    assert make_plan(given).drift and not make_plan(said).drift


def test_the_compose_file_itself_is_taken_too() -> None:
    (one,) = adopted(
        saying(world(), 2, "/opt/dynia/services/api/docker-compose.yml", b"services: {}\n")
    ).taken
    assert one.source == "./api/compose.yaml"


def test_all_nodes_that_were_edited_must_say_the_same() -> None:
    alike = saying(saying(world(), 1, CONFIG, AFTER), 2, CONFIG, AFTER)
    assert len(adopted(alike).taken) == 1
    unlike = saying(alike, 2, CONFIG, b"level = 3\n")
    assert "is another one on" in refused(unlike).message


def test_a_secret_is_written_into_no_file() -> None:
    secret = ShippedFile(path="config/app.toml", mode=0o644, content=BEFORE, source="x", secret=True)
    given = world()
    spec = worlds.cluster(services=(worlds.service(files=(secret,)),))
    drift = Drift(
        node=worlds.node_named(given, 1), kind="file", subject=CONFIG, category="tampered", detail="edited"
    )
    with pytest.raises(Refused, match="secret"):
        adopt(saying(given, 1, CONFIG, AFTER), spec, (drift,), (drift,))
    dotenv = replace(drift, subject="/opt/dynia/services/api/.env")
    with pytest.raises(Refused, match="secret"):
        adopt(given, spec, (dotenv,), (dotenv,))


def test_what_was_changed_here_too_is_not_written_over() -> None:
    given = saying(world(), 1, CONFIG, AFTER)
    mine = worlds.wanting(given, world("level = 7\n").desired)
    assert "./api/config/app.toml was changed too" in refused(mine).message


@pytest.mark.parametrize(
    "path",
    ["/opt/dynia/haproxy/haproxy.cfg", "/opt/dynia/caddy/Caddyfile", "/opt/dynia/services/api/override.yaml"],
)
def test_what_dynia_renders_goes_into_a_template_and_it_is_said(path: str) -> None:
    error = refused(saying(world(), 1, path, AFTER))
    assert "written by Dynia" in error.message and "templates:" in error.hint and "revert" in error.hint


def test_another_mode_and_a_file_that_is_gone_are_no_text() -> None:
    assert "only an edited text" in refused(saying(world(), 1, CONFIG, AFTER, mode=0o600)).message


def names(*proxied: bool) -> tuple[PlanningInput, ClusterSpec]:
    """A cluster of names behind Cloudflare, each as somebody left it."""
    domains = tuple(f"{n}.example.com" for n in range(len(proxied)))
    dns = CloudflareDns(zone="example.com", proxied=True)
    spec = worlds.cluster(services=(worlds.service(domains=domains),), dns=dns)
    given = settled(spec)
    seen = given.observed.records
    assert isinstance(seen, tuple)
    records = tuple(
        replace(one, proxied=proxied[int(one.name[0])]) if isinstance(one, DnsRecord) else one for one in seen
    )
    return replace(given, observed=replace(given.observed, records=records)), spec


FILE = b"""\
clusters:
  prod:
    dns: {kind: cloudflare, zone: example.com, proxied: true}  # ours
    nodes: {count: 3}
"""


def test_adopting_who_stands_before_the_names_is_one_line_and_leaves_the_names_alone() -> None:
    given, spec = names(False, False)
    adoption = adopted(given)
    assert adoption.edits == (Put(path=("clusters", "prod", "dns", "proxied"), value=False),)
    after = edit("clusters.yaml", FILE, adoption.edits)
    changed = [(a, b) for a, b in zip(FILE.splitlines(), after.splitlines(), strict=True) if a != b]
    assert len(changed) == 1 and changed[0][1].endswith(b"proxied: false}  # ours")
    said = worlds.wanting(given, replace(spec, dns=CloudflareDns(zone="example.com", proxied=False)))
    plan = make_plan(said)
    assert not plan.drift and not [s for s in plan.steps if isinstance(s.action, BindDns | UnbindDns)]


def test_names_that_are_not_alike_cannot_be_said_for_all() -> None:
    given, _ = names(False, True)
    assert "is for all names" in refused(given).message


def test_what_runs_is_said_by_no_file() -> None:
    given = world()
    drift = Drift(node="misty-owl", kind="unit", subject="haproxy", category="tampered", detail="stopped")
    assert given.desired is not None
    with pytest.raises(Refused, match="no file can say that"):
        adopt(given, given.desired, (drift,), (drift,))
