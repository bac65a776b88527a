"""Which templates there are, each with the type of its data: the names that it may use, and must."""

from __future__ import annotations

from dynia.interfaces.errors import BadInput, Mistake
from dynia.services.planning.components.caddy import CaddyContainer, CaddyData
from dynia.services.planning.components.failover import FailoverData
from dynia.services.planning.components.firewall import FirewallData
from dynia.services.planning.components.haproxy import HaproxyData
from dynia.services.planning.components.keepalived import DropInData, KeepalivedData, WitnessData
from dynia.services.planning.components.node import NodeData
from dynia.services.planning.components.rendered import SUFFIX, NoData, TemplateData
from dynia.services.planning.mustache import compiled

CATALOGUE: dict[str, type[TemplateData]] = {
    "caddy/Caddyfile": CaddyData,
    "caddy/compose.yaml": CaddyContainer,
    "failover/claim.sh": NoData,
    "failover/dynia-failover.service": NoData,
    "failover/failover.env": FailoverData,
    "firewall/dynia-firewall.service": NoData,
    "firewall/loaded.sh": NoData,
    "firewall/dynia.nft": FirewallData,
    "haproxy/cloudflare-networks": NoData,
    "haproxy/dynia.conf": NoData,
    "haproxy/haproxy.cfg": HaproxyData,
    "keepalived/dynia.conf": DropInData,
    "keepalived/heard.sh": NoData,
    "keepalived/interface.sh": NoData,
    "keepalived/keepalived.conf": KeepalivedData,
    "keepalived/notify.sh": NoData,
    "keepalived/witness.sh": WitnessData,
    "node/node.env": NodeData,
}


def template_mistakes(name: str, text: str, shown: str) -> tuple[Mistake, ...]:
    """What is wrong with a template, before anything is rendered. `shown` is its path for people."""
    kind = CATALOGUE.get(name.removesuffix(SUFFIX))
    if kind is None:
        return ()
    try:
        compiled(shown, text, kind, kind.required())
    except BadInput as error:
        return error.mistakes
    return ()
