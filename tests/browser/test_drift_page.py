"""The page of the drift report in a real browser: it asks for nothing, is accessible, fits a phone, and prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.commands.screens.drift_html import drift_html
from tests.browser.chromium import Chromium
from tests.unit.screens.drift_samples import reports

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = "axe.run().then(r => r.violations.map(v => `${v.impact} ${v.id}: ${v.nodes.map(n => n.html)}`))"
LOOKS = [(width, dark) for width in (1280, 390) for dark in (False, True)]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    made = Chromium(tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, made = tmp_path_factory.mktemp("pages"), {}
    for name, (report, view) in reports().items():
        made[name] = folder / f"{name}.html"
        made[name].write_text(drift_html(report, view), encoding="utf-8")
    return made


@pytest.mark.parametrize("name", reports())
def test_the_page_asks_for_nothing_and_everybody_can_read_it(
    chromium: Chromium, pages: dict[str, Path], name: str
) -> None:
    assert AXE.exists(), "sh scripts/test-tools.sh"
    seen = {}
    for width, dark in LOOKS:
        chromium.open(pages[name], width=width, dark=dark)
        assert chromium.requests == [pages[name].as_uri()] and chromium.complaints == []
        assert chromium.told("document.documentElement.scrollWidth") <= width
        seen[width, dark] = chromium.picture()
        chromium.told(AXE.read_text(encoding="utf-8"))
        assert chromium.told(GRAVE) == []
    assert len(set(seen.values())) == len(LOOKS)
    assert chromium.printed().startswith(b"%PDF-")


def test_the_policy_forbids_what_text_could_never_do_anyway(
    chromium: Chromium, pages: dict[str, Path]
) -> None:
    """And what the browser is asked about here is seen where it happens."""
    page = pages["nothing"]
    bad = page.with_name("bad.html")
    markup = '<img src="https://127.0.0.1:9/x.png"><script>document.title = "ran"</script><p style="color:#999">dim</p>'
    bad.write_text(page.read_text(encoding="utf-8").replace("</main>", f"{markup}</main>"), encoding="utf-8")
    chromium.open(bad, width=1280, dark=False)
    assert chromium.told("document.title") != "ran" and len(chromium.complaints) >= 2
    chromium.told(AXE.read_text(encoding="utf-8"))
    assert {"image-alt", "color-contrast"} <= {one.split()[1].rstrip(":") for one in chromium.told(GRAVE)}
