"""The table of wrong templates. Each breaks a copy of the built-in one in one place."""

from __future__ import annotations

from dynia.interfaces.templates import builtin_templates
from tests.bad_input.cases import Case
from tests.bad_input.desired_cases import GOOD as PROJECT

CADDY, HAPROXY = "mine/caddy/Caddyfile.mustache", "mine/haproxy/haproxy.cfg.mustache"
_BUILTIN = builtin_templates()
GOOD = {
    "clusters.yaml": PROJECT["clusters.yaml"].replace(
        "    services:\n", "    templates: ./mine\n    services:\n"
    ),
    "compose.yaml": PROJECT["compose.yaml"],
    CADDY: _BUILTIN["caddy/Caddyfile.mustache"],
    HAPROXY: _BUILTIN["haproxy/haproxy.cfg.mustache"],
}


def _caddy(name: str, rule: str, key: str, old: str, new: str) -> Case:
    return Case(name, rule, key, edit={CADDY: (old, new)})


def _haproxy(name: str, rule: str, key: str, old: str, new: str) -> Case:
    return Case(name, rule, key, edit={HAPROXY: (old, new)})


LOG = "    log stdout format raw local0\n"
ADMIN = "\tadmin 127.0.0.1:2019\n"

CASES = (
    _haproxy("name that does not exist", "unknown-variable", "colour", LOG, "    # «{{colour}}»\n"),
    _haproxy("name with a letter missing", "unknown-variable", "clustr", LOG, "    # «{{clustr}}»\n"),
    _haproxy(
        "name of an inner list outside of it", "unknown-variable", "address", LOG, "    # «{{address}}»\n"
    ),
    _haproxy("method of a text", "unknown-variable", "upper", "{{#fallback}}", "{{#fallback}}«{{upper}}»"),
    _haproxy("field of a text", "unknown-variable", "cluster.upper", LOG, "    # «{{cluster.upper}}»\n"),
    _haproxy("section that does not exist", "unknown-variable", "tls", LOG, "«{{#tls}}»\nx\n{{/tls}}\n"),
    _haproxy(
        "inverted section that does not exist", "unknown-variable", "tls", LOG, "«{{^tls}}»\nx\n{{/tls}}\n"
    ),
    _haproxy(
        "name in a section that is empty now",
        "unknown-variable",
        "node.name",
        "server {{node}} ",
        "server «{{node.name}}» ",
    ),
    _haproxy("tag without an end", "unclosed-tag", "cluster", LOG, "    # «{{»cluster\n"),
    _haproxy("tag that ends on another line", "unclosed-tag", "cluster", LOG, "    # «{{»cluster\n}}\n"),
    _haproxy("three braces closed by two", "unclosed-tag", "cluster", LOG, "    # «{{{»cluster}}\n"),
    _haproxy("empty tag", "empty-tag", "", LOG, "    # «{{ }}»\n"),
    _haproxy("section without a name", "empty-tag", "", LOG, "    # «{{#}}»\n"),
    _haproxy("name with a dash", "bad-name", "cluster-name", LOG, "    # «{{cluster-name}}»\n"),
    _haproxy("helper with an argument", "bad-name", "upper cluster", LOG, "    # «{{upper cluster}}»\n"),
    _haproxy("partial", "partial", "head", LOG, "    # «{{> head}}»\n"),
    _haproxy("other delimiters", "delimiters", "<% %>", LOG, "    # «{{=<% %>=}}»\n"),
    _haproxy("section never closed", "section-not-closed", "cluster", LOG, "    # «{{#cluster}}» x\n"),
    _haproxy("end of nothing", "section-not-opened", "servers", LOG, "    # «{{/servers}}»\n"),
    _haproxy(
        "sections crossed",
        "section-crossed",
        "servers",
        LOG,
        "    # {{#servers}}{{#fallback}}«{{/servers}}»\n",
    ),
    _haproxy(
        "section in itself",
        "section-in-itself",
        "servers",
        LOG,
        "    # {{#servers}}«{{^servers}}»x{{/servers}}{{/servers}}\n",
    ),
    _haproxy("list printed", "prints-a-list", "services", LOG, "    # «{{services}}»\n"),
    _haproxy("dot outside of a list of texts", "dot-without-text", ".", LOG, "    # «{{.}}»\n"),
    _haproxy(
        "dot in a list of records", "dot-without-text", ".", "server {{node}} ", "server «{{.}}» {{node}} "
    ),
    _haproxy(
        "section over a number",
        "section-over-a-number",
        "interval_ms",
        "    option httpchk\n",
        "«{{#interval_ms}}»\n    option httpchk\n{{/interval_ms}}\n",
    ),
    _haproxy("control character", "control-character", "", LOG, "    # «\x07»\n"),
    Case(
        "hash that the probe looks for is left out",
        "unused-variable",
        "config",
        edit={CADDY: ("{{config}}", "none")},
        at=(CADDY, 1, 1),
    ),
    Case(
        "services left out",
        "unused-variable",
        "services",
        edit={CADDY: ("", "{{#nodes}}{{.}}{{/nodes}} {{config}} {{#fallback}}{{upstream}}{{/fallback}}\n")},
        at=(CADDY, 1, 1),
    ),
    _caddy("unknown name in Caddy's template", "unknown-variable", "email", ADMIN, "\temail «{{email}}»\n"),
    _caddy("list of routes printed", "prints-a-list", "services", ADMIN, "\t# «{{&services}}»\n"),
)
