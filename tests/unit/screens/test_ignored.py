"""What `dynia drift` shows of what is no finding for a while."""

from __future__ import annotations

import msgspec

from dynia.commands.exit_codes import drift_code
from dynia.commands.screens.drift import drift_text
from dynia.services.planning.ignoring import Ignored, Silenced
from tests.unit.screens import samples

PLAN = msgspec.structs.replace(samples.DRIFT_ONLY, drift=(samples.STRAY,))
SILENCED = Silenced(
    counted=PLAN.drift,
    ignored=(Ignored(drift=samples.EDITED, until="2026-12-03", because="load\x1b[2J test"),),
    notes=("dns a.example.com: ignored until 2026-11-01, which is over: it counts again",),
)


def shown(silenced: Silenced, width: int = 120) -> str:
    plan = msgspec.structs.replace(PLAN, drift=silenced.counted)
    return drift_text(plan, width=width, color=False, now=samples.NOW, silenced=silenced)


def test_it_stands_apart_with_the_day_and_the_reason_and_is_not_counted() -> None:
    text = shown(SILENCED)
    drift, apart = text.split("\n\nIgnored until 2026-12-03: load test\n")
    assert "1 difference" in drift and "haproxy.cfg" not in drift
    assert "haproxy/haproxy.cfg  on misty-owl" in apart
    assert "`dynia apply` puts that back all the same." in apart
    assert "Note: dns a.example.com: ignored until 2026-11-01, which is over: it counts again." in apart


def test_where_all_is_ignored_nothing_has_drifted() -> None:
    silenced = msgspec.structs.replace(SILENCED, counted=())
    assert shown(silenced).startswith("prod: no drift on 3 nodes\n")
    assert drift_code(msgspec.structs.replace(PLAN, drift=silenced.counted)) == 0


def test_no_line_is_wider_than_the_screen() -> None:
    assert max(map(len, shown(SILENCED, 60).splitlines())) <= 60
