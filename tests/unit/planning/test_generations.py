"""What nodes keep of a generation: read as it was written, without a secret in what others see."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from dynia.interfaces.desired import (
    ClusterSpec,
    Container,
    FilesTls,
    Rollout,
    Service,
    ShippedFile,
    Ssh,
    SshHost,
    SshProvider,
)
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import NotObserved
from dynia.services.planning.generations import (
    Inputs,
    digest_of,
    inputs_of,
    on_today,
    read,
    written,
)
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.manifests import LACKS
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import simulate
from dynia.state.generation import Rollback, path_of
from dynia.state.model import Node
from tests.plans import worlds
from tests.plans.cases import changed, three

SECRET = "hunter2-hunter2"


def with_secrets(text: str = SECRET) -> Service:
    files = (
        ShippedFile(path="config/app.toml", mode=0o644, content=b"level = 1\n", source="app.toml"),
        ShippedFile(path="db.key", mode=0o600, content=f"key {text}".encode(), source="db.key", secret=True),
    )
    written_so = f'{{"env":{{"TOKEN":"{text}"}}}}'.encode()
    return replace(worlds.service(env=f"TOKEN={text}\n"), files=files, as_written=written_so)


def kept(spec: ClusterSpec) -> Inputs:
    given = worlds.start(spec)
    return inputs_of(given, spec)


def again(inputs: Inputs) -> Inputs:
    return read("somewhere", written(inputs), digest_of(inputs))


def test_what_was_kept_is_read_as_it_was_with_its_secrets() -> None:
    inputs = kept(worlds.cluster(services=(with_secrets(), worlds.worker())))
    assert again(inputs) == inputs
    (api,) = (s for s in again(inputs).spec.services if s.name == "api")
    assert api.dotenv == f"TOKEN={SECRET}\n".encode() and api.files[1].content == f"key {SECRET}".encode()


names = st.from_regex(r"[a-z-]{1,6}(/[a-z-]{1,6}){0,2}", fullmatch=True)


@for_all(
    st.dictionaries(names, st.tuples(st.binary(max_size=40), st.booleans()), max_size=4),
    st.binary(max_size=40),
)
def test_whatever_bytes_files_hold_they_come_back(
    files: dict[str, tuple[bytes, bool]], dotenv: bytes
) -> None:
    shipped = tuple(
        ShippedFile(path=name, mode=0o644, content=content, source=name, secret=secret)
        for name, (content, secret) in sorted(files.items())
        if name != ".env"
    )
    inputs = kept(worlds.cluster(services=(replace(worlds.service(), files=shipped, dotenv=dotenv),)))
    assert again(inputs) == inputs


def test_no_secret_is_in_the_line_that_the_digest_is_of_and_none_changes_it() -> None:
    """Law 9: the state has that digest, and a short secret could be guessed from it."""
    one, other = (kept(worlds.cluster(services=(with_secrets(text),))) for text in (SECRET, "another-one"))
    public, _, hidden = written(one).partition(b"\n")
    for text in (SECRET, "TOKEN=", '{"env"'):  # each begins where base64 begins anew
        encoded = base64.b64encode(text.encode())
        assert text.encode() not in public and encoded not in public
        assert encoded in hidden
    assert hidden != written(other).partition(b"\n")[2]
    assert digest_of(one) == digest_of(other)
    assert SECRET not in repr(one.spec.services[0].files[1])


def test_it_is_the_same_from_whichever_machine() -> None:
    """Paths of the runner's own files are no part of it, nor are machines."""

    def from_folder(folder: str, **more: object) -> str:
        spec = worlds.cluster(
            provider=SshProvider(known_hosts=f"{folder}/known_hosts"),
            ssh=Ssh(key=f"{folder}/key"),
            tls=FilesTls(certificate=f"{folder}/a.pem", key=f"{folder}/a.key"),
            services=(replace(worlds.service(config="x"), source=f"{folder}/compose.yaml"),),
            **more,
        )
        return digest_of(kept(spec))

    host = SshHost(name="web-1", host="h", private_ip="198.18.0.1")
    assert from_folder("/home/a") == from_folder("/builds/ci") == from_folder("/x", hosts=(host,), nodes=9)
    assert from_folder("/a") != from_folder("/a", caddy_image="caddy:2.9")


@pytest.mark.parametrize("where", ["public", "secret", "cut", "empty"])
def test_what_was_edited_or_torn_is_not_taken(where: str) -> None:
    inputs = kept(worlds.cluster(services=(with_secrets(),)))
    content = written(inputs)
    head, _, rest = content.partition(b"\n")
    odd = {
        "public": head.replace(b"8080", b"8081") + b"\n" + rest,
        "secret": head + b"\n" + rest.replace(b'".env":"', b'".env":"QUJD'),
        "cut": content[:-40],
        "empty": b"",
    }[where]
    with pytest.raises(DyniaError, match="misty-owl:"):
        read("misty-owl:/somewhere", odd, digest_of(inputs))


@pytest.mark.parametrize(
    "path", ["../../../etc/cron.d/x", "/etc/cron.d/x", "a/../../x", "a//b", ".", "", "a\nb"]
)
def test_no_file_of_it_may_lead_out_of_the_folder_of_its_service(path: str) -> None:
    """A state that was made again from nodes has its digest from the node that may be hostile."""
    file = ShippedFile(path=path, mode=0o644, content=b"", source="x")
    service = replace(worlds.service(), files=(file,))
    inputs = kept(worlds.cluster(services=(service,)))
    bare = replace(inputs, spec=replace(inputs.spec, services=(service,)))
    named = replace(inputs, spec=replace(inputs.spec, services=(replace(service, name="a$(b)", files=()),)))
    template = replace(inputs, spec=replace(inputs.spec, services=(), templates={path: ""}))
    for odd in (bare, named, template):
        with pytest.raises(DyniaError, match=r"web-1:.*is no name"):
            read("web-1:/var/lib/x", written(odd), digest_of(odd))


NODES = tuple(
    Node(
        cluster="prod",
        name=f"web-{n}",
        ordinal=n,
        provider_id=f"web-{n}",
        address=f"198.18.1.{n}",
        private_ip=f"198.18.2.{n}",
        host_key="ssh-ed25519 AAAA",
        user="deploy",
        port=2222,
    )
    for n in (1, 2, 5)
)


def test_services_go_back_and_machines_and_the_ways_to_them_do_not() -> None:
    old = kept(worlds.cluster(nodes=2, services=(worlds.service(image="registry.example/api:1.8"),)))
    new = kept(
        worlds.cluster(
            nodes=3,
            provider=SshProvider(),
            services=(worlds.service(image="registry.example/api:1.9"), worlds.worker()),
        )
    )
    found = on_today(old, new, 40, "", NODES, Ssh(key="~/.ssh/mine"))
    assert found.spec.services == old.spec.services and found.images == old.images
    assert (found.spec.nodes, found.spec.ssh.key, found.spec.provider) == (3, "~/.ssh/mine", SshProvider())
    assert [(h.name, h.host, h.user, h.port) for h in found.spec.hosts] == [
        (f"web-{n}", f"198.18.1.{n}", "deploy", 2222) for n in (1, 2, 5)
    ]


def test_of_one_service_alone_the_rest_is_the_newest() -> None:
    old = kept(worlds.cluster(services=(worlds.service(image="registry.example/api:1.8"),)))
    new = kept(worlds.cluster(services=(worlds.service(image="registry.example/api:1.9"), worlds.worker())))
    found = on_today(old, new, 40, "api", NODES, Ssh())
    assert [s.name for s in found.spec.services] == ["api", "mailer"]
    assert found.spec.services[0] == old.spec.services[0] and found.spec.services[1] == new.spec.services[1]
    assert {"registry.example/api:1.8", "registry.example/mailer:3"} <= set(found.images)
    with pytest.raises(Refused, match="generation 40 has no service mailer"):
        on_today(old, new, 40, "mailer", NODES, Ssh())


def test_of_templates_only_the_team_s_own_are_kept() -> None:
    spec, config = worlds.cluster(), "haproxy/haproxy.cfg.mustache"
    given = worlds.start(spec)
    later = replace(given, templates={**given.templates, config: "of a later Dynia"})
    assert digest_of(inputs_of(later, spec)) == digest_of(inputs_of(given, spec))
    own = replace(spec, templates={config: "ours"})
    assert again(inputs_of(given, own)).spec.templates == {config: "ours"}


def test_a_container_without_a_resolved_image_is_no_trouble() -> None:
    """One whose image nobody resolved (it runs under the name that the file says)."""
    bare = Container(name="web", image="registry.example/api:1.8", config="{}")
    old = kept(worlds.cluster(services=(replace(worlds.service(), containers=(bare,)),)))
    found = on_today(replace(old, images={}), old, 40, "api", NODES, Ssh())
    assert found.images == old.images


# what the planner makes of it


def test_after_one_service_went_back_no_image_is_kept_that_nobody_runs() -> None:
    old = kept(worlds.cluster(services=(worlds.service(image="registry.example/api:1.8"),)))
    new = kept(worlds.cluster(services=(worlds.service(image="registry.example/api:1.9"),)))
    found = on_today(old, new, 40, "api", NODES, Ssh())
    given = worlds.start(found.spec)
    seen = replace(given.observed, images=found.images)
    again = inputs_of(replace(given, observed=seen), found.spec)
    assert "registry.example/api:1.8" in again.images and "registry.example/api:1.9" not in again.images


def back(given: PlanningInput, to: ClusterSpec, number: int = 1) -> PlanningInput:
    return replace(worlds.wanting(given, to), rollback=Rollback(to=number))


def test_an_apply_that_ends_is_a_generation_which_every_node_keeps() -> None:
    given = three()
    (home,) = given.state.clusters
    (one,) = home.generations
    assert given.desired is not None
    assert (one.number, one.last, one.of) == (1, 1, 0)
    assert one.digest == digest_of(inputs_of(given, given.desired))
    assert one.releases["service/api"] and "node" not in one.releases
    for node in given.state.nodes_of("prod"):
        assert path_of(1) in {f.path for f in given.observed.nodes[node.name].files}  # type: ignore[union-attr]


def test_a_node_that_lost_what_it_kept_is_given_it_calmly() -> None:
    given = three()
    name = worlds.node_named(given, 2)
    lost = worlds.with_facts(
        given, name, lambda f: replace(f, files=tuple(x for x in f.files if x.path != path_of(1)))
    )
    plan = make_plan(lost)
    assert [(s.id, s.why, s.disturbs) for s in plan.steps] == [(f"{name}/manifest/write", LACKS, ())]
    assert make_plan(simulate(lost, plan)).empty
    # Nobody can write it whose file says something else.
    assert make_plan(changed(lost, rollout=Rollout(max_unavailable=2))).empty


def test_what_was_rolled_back_is_pending_until_the_file_follows() -> None:
    first = worlds.settled(worlds.cluster())
    bad = worlds.cluster(services=(worlds.service(image="registry.example/api:1.9"),))
    _, second = worlds.passes(worlds.wanting(first, bad))
    plans, third = worlds.passes(back(second, worlds.cluster()))
    assert all(
        s.id.split("/")[1] in ("service", "caddy", "image", "drain", "undrain")
        for p in plans
        for s in p.steps
    )
    (home,) = third.state.clusters
    assert [(g.number, g.of) for g in home.generations] == [(1, 0), (2, 0), (3, 1)]
    assert home.rollback is None and home.generation == 3
    pending = make_plan(replace(worlds.wanting(third, bad), rollback=None))
    assert pending.drift == () and pending.changes
    assert [(w.subject, w.final) for w in pending.waiting] == [("rollback", True)]
    assert "generation 1 runs again" in pending.waiting[0].reason
    followed = make_plan(replace(worlds.wanting(third, worlds.cluster()), rollback=None))
    assert followed.empty and followed.waiting == ()


def test_a_rollback_makes_and_moves_no_machine_address_or_name() -> None:
    """A machine is silent, and nobody can ask its provider. What can be done on the others is done."""
    two_out = Rollout(max_unavailable=2)
    first = worlds.settled(worlds.cluster(rollout=two_out))
    bad = worlds.cluster(services=(worlds.service(image="registry.example/api:1.9"),), rollout=two_out)
    _, second = worlds.passes(worlds.wanting(first, bad))
    unasked = NotObserved(reason="there is no token here")
    gone = replace(second.observed, provider_nodes=unasked, addresses=unasked)
    silent = worlds.silent(replace(second, observed=gone), worlds.node_named(second, 1))
    plan = make_plan(back(silent, worlds.cluster(rollout=two_out)))
    assert {s.node for s in plan.steps} == {worlds.node_named(second, 2), worlds.node_named(second, 3)}
    assert {s.id.split("/")[1] for s in plan.steps} == {"service", "caddy", "drain", "undrain"}
    assert [name for name, _ in plan.not_observed] == [worlds.node_named(second, 1)]


def test_a_rollback_that_was_begun_is_said_until_it_ends() -> None:
    given = three()
    (home,) = given.state.clusters
    begun = replace(given, state=replace(given.state, clusters=(replace(home, rollback=Rollback(to=1)),)))
    (said,) = make_plan(begun).waiting
    assert "was begun and has not ended" in said.reason and said.final
