"""A team's own template: mistakes with places, or a text that is rendered."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.clusters_file import read
from dynia.interfaces.templates import builtin_templates
from dynia.services.planning.render import recipes
from tests.bad_input.template_cases import CADDY, GOOD, HAPROXY
from tests.fuzz.rendered import everything_of
from tests.fuzz.target import Target
from tests.unit.components.clusters import topology
from tests.unit.files.memory import looking_at

CADDY_FIRST = b"# Written by Dynia for cluster"


class TemplateFile(Target):
    name = "template"
    weight = 80
    examples = 60

    def good(self) -> list[bytes]:
        return [GOOD[HAPROXY].encode(), GOOD[CADDY].encode()]

    def attempt(self, raw: bytes) -> Iterable[str]:
        caddy = b":8080 {" in raw
        files = {**GOOD, CADDY if caddy else HAPROXY: raw}
        look = looking_at({f"/w/{name}": content for name, content in files.items()})
        desired = read("clusters.yaml", "/w", look, templates=builtin_templates(), version="2.0")
        for cluster in desired.clusters:
            texts = {**builtin_templates(), **cluster.templates}
            recipes(topology(cluster, templates=texts))
            yield from everything_of(cluster)
