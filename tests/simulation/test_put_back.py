"""The simulation's watcher of law 4 sees where a node was put back over what a person changed."""

from __future__ import annotations

from tests.simulation import history
from tests.simulation.record import Entry

EDIT = Entry(1.0, "person", "edit", "web-1", "/opt/dynia/haproxy/haproxy.cfg")
PUT_OVER = Entry(4.0, "run-1", "put over", "web-1", EDIT.detail, number=3.0)


def test_an_edit_that_goes_where_a_push_died_breaks_law_4() -> None:
    (said,) = history.broken([EDIT, PUT_OVER], ())
    assert said.startswith("law 4: run-1 puts web-1 back over /opt/dynia/haproxy/haproxy.cfg")


def test_what_a_run_wrote_over_since_and_what_came_under_its_lock_do_not() -> None:
    written = Entry(2.0, "run-1", "write", "web-1", EDIT.detail, number=1.5)
    assert history.broken([EDIT, written, PUT_OVER], ()) == []
    late = Entry(3.5, "person", "edit", "web-1", EDIT.detail)
    assert history.broken([late, PUT_OVER], ()) == []
