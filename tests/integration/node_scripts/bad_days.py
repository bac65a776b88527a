"""Draws what a node was before, and what is asked of it one after the other, cut or whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from hypothesis import strategies as st

from dynia.interfaces.node_requests import Fence
from tests.integration.node_scripts.asked import DROP_IN, MAIN, OPT, VAR, Asked, Before, Expect, Word
from tests.integration.node_scripts.cuts import cuttable, places_between
from tests.integration.node_scripts.machine import LINEAGE

OTHER = "ffff0000"
# What a component may push, and the folder that is removed with it.
NAMES = {
    "haproxy": (
        MAIN["haproxy"],
        f"{OPT}/haproxy/maps/eu/\\net's $(x).map",
        f"{OPT}/haproxy/errors/503.http",
        DROP_IN,
    ),
    "service/api": (MAIN["service/api"], f"{OPT}/services/api/.env", f"{VAR}/manifest.json"),
}
FOLDERS = {
    "haproxy": (f"{OPT}/haproxy", f"{OPT}/haproxy/maps"),
    "service/api": (f"{OPT}/services/api", OPT, VAR),
}
ALL = tuple(name for names in NAMES.values() for name in names)

contents = st.sampled_from((b"good 1\n", b"good 2\n", b"bad\n", b""))
modes = st.sampled_from((0o644, 0o600, 0o640, 0o755))
components = st.sampled_from(("haproxy", "haproxy", "haproxy", "service/api"))
fences = st.one_of(
    st.none(),
    st.builds(
        Fence,
        lineage=st.sampled_from((LINEAGE, LINEAGE, LINEAGE, OTHER)),
        cluster=st.sampled_from(("prod", "prod", "prod", "staging")),
        number=st.integers(4, 6),
    ),
)


LATEST = Fence(lineage=LINEAGE, cluster="prod", number=9)


@dataclass(frozen=True)
class Edit:
    """A person writes, or deletes, one file."""

    name: str
    content: bytes | None
    mode: int


@dataclass(frozen=True)
class Deed:
    """`cut`: killed before which command, and at which of the times that it comes there."""

    asked: Asked
    cut: tuple[int, int] | None = None


def files_of(names: Any) -> Any:
    return st.lists(st.tuples(names, contents, modes), max_size=3, unique_by=lambda file: file[0]).map(tuple)


befores = st.builds(
    Before,
    files=st.lists(st.sampled_from(ALL), min_size=3, unique=True).flatmap(
        lambda names: st.tuples(*(st.tuples(st.just(name), contents, modes) for name in names))
    ),
    lineage=st.sampled_from((*[f"{LINEAGE}\n".encode()] * 7, None, b"", f"{OTHER}\n".encode())),
    fencing=st.sampled_from((("", 0), ("prod", 5), ("prod", 5), ("staging", 5))),
)
edits = st.builds(Edit, name=st.sampled_from(ALL), content=st.one_of(st.none(), contents), mode=modes)

Mood = Literal["honest", "unlucky", "wild"]


@st.composite
def requests(draw: Any, mood: Mood) -> Asked:
    """Honest: planned now, by whoever has the lease, with scripts that do what they must. Unlucky: these may fail.
    Wild: whatever the plan, the lease and the scripts are."""
    component = draw(components)
    verb = draw(st.sampled_from((*["push"] * 6, "once", "remove", "remove")))
    waits = verb == "push" and component == "haproxy" and draw(st.booleans())
    names = NAMES[component]
    files = draw(files_of(st.sampled_from(names))) if verb != "remove" else ()
    doomed = st.sampled_from((*names, *FOLDERS[component][: None if verb == "remove" else 0 if waits else 2]))
    delete = apart([file[0] for file in files], draw(st.lists(doomed, max_size=2)))
    if mood == "wild":
        twists = st.sampled_from(
            (*["right"] * 8, "before", "before", "content", "mode", "owner", *["absent"] * 3)
        )
        known = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
        expected = tuple(Expect(name, draw(twists), draw(st.booleans())) for name in known)
    else:
        expected = tuple(Expect(name) for name in (*(file[0] for file in files), *delete) if name in names)
    # No plan takes the roots but with all that is in them: there is more there than a look tells of.
    everything = bool({OPT, VAR}.intersection(delete)) or draw(st.booleans())
    words = SCRIPTS[verb, mood == "honest"]
    return Asked(
        verb,
        component,
        draw(st.sampled_from((*[LINEAGE] * 9, OTHER))) if mood == "wild" else LINEAGE,
        files,
        delete,
        expected,
        check=draw(st.sampled_from(words[0])),
        activate=draw(st.sampled_from(words[1])),
        probe=draw(st.sampled_from(words[2])),
        fence=draw(fences if mood == "wild" else st.sampled_from((None, LATEST))),
        planned=mood != "wild",
        everything=verb == "remove" and everything,
        waits=waits,
    )


words = st.builds(
    Asked,
    verb=st.sampled_from(("stay", "stay", "leave", "late", "late")),
    lineage=st.sampled_from((*[LINEAGE] * 9, OTHER)),
    fence=st.one_of(st.just(LATEST), fences),
)


# What a request's check, activation (or deactivation) and probe may be; whether they do what they must.
SCRIPTS: dict[tuple[str, bool], tuple[tuple[Word, ...], ...]] = {
    ("push", True): (("true",), ("copy",), ("",)),
    ("push", False): (
        ("", "true", "true", "true", "false"),
        ("copy", "copy", "copy", "copy", "", "picky", "false"),
        ("", "same", "false", "false"),
    ),
    ("once", True): (("true",), ("copy",), ("",)),
    ("once", False): (("", "true", "false"), ("copy", "false"), ("", "false")),
    ("remove", True): (("",), ("", "rest"), ("",)),
    ("remove", False): (("",), ("rest", "rest", "", "false"), ("",)),
}


def apart(files: list[str], delete: list[str]) -> tuple[str, ...]:
    """Of what is to be deleted, what is neither inside nor around another path of the request."""
    taken = [f"{name}/" for name in files]
    found = []
    for name in delete:
        if not any(f"{name}/".startswith(one) or one.startswith(f"{name}/") for one in taken):
            taken.append(f"{name}/")
            found.append(name)
    return tuple(found)


@st.composite
def deeds(draw: Any, mood: Mood) -> Deed:
    asked = draw(requests(mood) if mood != "wild" else st.one_of(requests(mood), words))
    # What comes before only receives the request and looks: less can be found there.
    last, first = cuttable(asked.script)[1] - 1, places_between(asked.script, "keep", "commit")[0]
    place = draw(st.one_of(st.integers(0, last), *[st.integers(first, last)] * 3))
    cut = draw(st.one_of(st.none(), *[st.tuples(st.just(place), st.sampled_from((1, 1, 2, 3)))] * 2))
    return Deed(asked, cut)


@st.composite
def half_back(draw: Any) -> list[Deed]:
    """A push that fails and is killed while the node is put back, and another one that goes on there and fails too."""
    names, wrong = NAMES["haproxy"], Asked("push", probe="false")
    pushed = draw(st.lists(st.sampled_from(names), min_size=2, max_size=3, unique=True))
    first = replace(
        wrong,
        files=tuple((name, b"good 3\n", 0o644) for name in pushed),
        activate=draw(st.sampled_from(("", "copy"))),
    )
    cut = draw(st.sampled_from(places_between("push", "put_back", "commit"))), draw(st.integers(1, 3))
    again = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    second = replace(
        wrong, files=tuple((name, b"good 4\n", 0o600) for name in again), expected=tuple(map(Expect, again))
    )
    return [Deed(first, cut), Deed(second)]


@st.composite
def open_ended(draw: Any) -> list[Deed]:
    """A push that waits for its word, cut or not, and what comes of it."""
    main = MAIN["haproxy"]
    pushed = Asked(
        "push",
        files=((main, b"good 5\n", 0o644),),
        expected=(Expect(main),),
        activate=draw(st.sampled_from(("copy", ""))),
        fence=LATEST,
        waits=True,
    )
    cuts = st.one_of(st.none(), st.tuples(st.integers(0, cuttable("push")[1] - 1), st.just(1)))
    found = [Deed(pushed, draw(cuts))]
    for word in draw(st.lists(words, min_size=1, max_size=2)):
        place = st.tuples(st.integers(0, cuttable(word.script)[1] - 1), st.just(1))
        found.append(Deed(word, draw(st.one_of(st.none(), place))))
    return found


unlucky = deeds("unlucky")
mixed = st.lists(st.one_of(*[unlucky] * 4, *[deeds("wild")] * 3, edits), min_size=1, max_size=4)
days = st.tuples(
    befores, st.one_of(mixed, mixed, mixed, open_ended(), half_back()), requests("honest").map(Deed)
)
