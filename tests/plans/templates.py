"""Templates of a few words, so that golden inputs stay readable and don't change with the real ones."""

from __future__ import annotations

SMALL = {
    "caddy/Caddyfile.mustache": "# {{cluster}} {{config}}\n{{#nodes}}{{.}} {{/nodes}}\n"
    "{{#services}}{{service}} {{#domains}}{{.}} {{/domains}}{{upstream}} {{release}}\n{{/services}}"
    "{{#fallback}}{{upstream}} {{release}}\n{{/fallback}}",
    "caddy/compose.yaml.mustache": "image: {{image}}\nlabel: {{config}}\n",
    "failover/claim.sh.mustache": "claim\n",
    "failover/dynia-failover.service.mustache": "unit\n",
    "failover/failover.env.mustache": "# {{cluster}} {{address}} {{api}}\n",
    "firewall/dynia-firewall.service.mustache": "unit\n",
    "firewall/dynia.nft.mustache": "# {{cluster}}\n{{#nodes}}{{.}} {{/nodes}}{{#ssh_ports}}{{.}} {{/ssh_ports}}"
    "{{#ssh_v4}}{{.}} {{/ssh_v4}}{{#ssh_v6}}{{.}} {{/ssh_v6}}"
    "{{#http_v4}}{{.}} {{/http_v4}}{{#http_v6}}{{.}} {{/http_v6}}\n",
    "firewall/loaded.sh.mustache": "loaded\n",
    "haproxy/cloudflare-networks.mustache": "networks\n",
    "haproxy/dynia.conf.mustache": "drop-in\n",
    "haproxy/haproxy.cfg.mustache": "# {{cluster}} {{config}} {{fallback}}{{#certificate}} crt {{certificate}} {{/certificate}}{{#proxied}} proxied{{/proxied}}\n"
    "{{#services}}{{service}} {{#domains}}{{.}} {{/domains}}{{check_host}}{{path}} "
    "{{interval_ms}} {{fastinter_ms}} {{timeout_ms}}\n"
    "{{#servers}}  {{node}} {{address}}\n{{/servers}}{{/services}}",
    "keepalived/dynia.conf.mustache": "drop-in\n",
    "keepalived/heard.sh.mustache": "heard\n",
    "keepalived/interface.sh.mustache": "interface\n",
    "keepalived/keepalived.conf.mustache": "# {{cluster}} {{router_id}} {{address}} {{interface}}"
    "{{#peered}} peered{{/peered}}{{#witnessed}} witness{{/witnessed}}\n{{#nodes}}@{{config_id}} {{private_ip}} {{priority}}\n{{/nodes}}",
    "keepalived/notify.sh.mustache": "notify\n",
    "keepalived/witness.sh.mustache": "ping {{witness}}\n",
    "node/node.env.mustache": "NODE={{node}} {{cluster}} {{config_id}} {{private_ip}} {{priority}}\n",
}
