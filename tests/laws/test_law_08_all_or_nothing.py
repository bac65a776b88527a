"""Law 8 on the real script, run by a real `sh`: a push ends with all of the new release or with all of what was there.

Any files, any phase that fails, by its exit code or by its deadline. Cut by SIGKILL:
tests/integration/node_scripts/test_cut.py. On real nodes: tests/e2e/test_rollout.py.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.node_requests import PushRequest
from tests.examples import examples
from tests.integration.node_scripts.machine import LINEAGE, Machine

NAMES = ("main.cfg", "a", "b c", "maps/x", "maps/eu/y", "deep/er/z")
Tree = dict[str, tuple[str, int]]
trees = st.dictionaries(
    st.sampled_from(NAMES[1:]),
    st.tuples(st.sampled_from(("one\n", "two\n", "")), st.sampled_from((0o644, 0o600))),
)
FAILURES = ("none", "check", "activate", "probe", "hangs", "stays broken")


def tree_of(machine: Machine) -> Tree:
    """Content and mode of every file of the component."""
    folder = Path(machine.path("thing"))
    return {
        str(p.relative_to(folder)): (p.read_text(), p.stat().st_mode & 0o777)
        for p in folder.rglob("*")
        if p.is_file()
    }


def identities(machine: Machine, names: set[str]) -> dict[str, tuple[int, int]]:
    """Inode and time of change of files."""
    found = {name: Path(machine.path(f"thing/{name}")).stat() for name in names}
    return {name: (s.st_ino, s.st_mtime_ns) for name, s in found.items()}


def push(machine: Machine, old: Tree, new: Tree, failing: str) -> PushRequest:
    """What a plan that is made now would send. The component "lives" by a copy of its main file."""
    main, live = machine.path("thing/main.cfg"), machine.path("live")
    write = sorted(name for name in new if old.get(name) != new[name])
    delete = sorted(name for name in old if name not in new)
    is_new = f"grep -q new '{main}'"
    activate = {
        "activate": f"cat '{main}' >{live}; ! {is_new}",
        "hangs": f"cat '{main}' >{live}; if {is_new}; then exec sleep 600; fi",
        "stays broken": f"cat '{main}' >{live}; false",
    }
    return PushRequest(
        component="thing",
        lineage=LINEAGE,
        files=tuple(machine.file(f"thing/{name}", *new[name]) for name in write),
        delete=tuple(machine.path(f"thing/{name}") for name in delete),
        expected=machine.expectations(*(f"thing/{name}" for name in (*write, *delete))),
        check="false" if failing == "check" else f'test -e "$STAGE{main}"',
        activate=activate.get(failing, f"cat '{main}' >{live}"),
        probe=f"! grep -q new {live}" if failing == "probe" else f"cmp '{main}' {live}",
        probe_s=1.0,
        deadline_s=1.0 if failing == "hangs" else 20.0,
    )


@settings(max_examples=examples(15), deadline=None)
@given(trees, trees, st.sampled_from(FAILURES))
def test_a_push_ends_with_all_of_the_new_or_all_of_the_old(before: Tree, after: Tree, failing: str) -> None:
    old, new = {"main.cfg": ("old\n", 0o644), **before}, {"main.cfg": ("new\n", 0o644), **after}
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        machine.bootstrap()
        for name, (content, mode) in old.items():
            machine.write(f"thing/{name}", content, mode)
        machine.write("live", "old\n")
        same = {name for name in old if new.get(name) == old[name]}
        kept, all_of_it = identities(machine, same), identities(machine, set(old))
        answer = machine.push(push(machine, old, new, failing))
        done = failing == "none"
        assert (answer.phase == "done") == done, answer
        assert tree_of(machine) == (new if done else old)
        assert machine.read("live") == ("new\n" if done else "old\n")
        # Put back is put back: the very files, not copies of them; what is in no list is never touched.
        assert identities(machine, same if done else set(old)) == (kept if done else all_of_it)
        assert answer.restored == (failing != "stays broken")
        assert machine.observe().unfinished == ()
        left = [p.name for p in Path(machine.places.var).rglob("*") if p.is_file()]
        assert sorted(left) == ["inner", "log", "outer"]
        assert not list(machine.root.rglob(".dynia-new"))
