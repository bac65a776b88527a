"""The table of wrong compose files, and of wrong files around them."""

from __future__ import annotations

from typing import Any

from tests.bad_input.cases import Case

GOOD = {
    "clusters.yaml": """\
clusters:
  prod:
    provider: {kind: docker}
    nodes: {count: 3}
    services:
      api:
        compose: ./compose.yaml
        domains: [api.example.com]
        target: web
        env: {LEVEL: info}
""",
    "compose.yaml": """\
services:
  web:
    image: acme/api:${VERSION}
    expose: ["8080"]
    environment: {LEVEL: "${LEVEL}"}
    volumes:
      - ./config:/etc/api:ro
    depends_on: [cache]
  cache:
    image: redis:7
configs: {}
""",
    ".env": "VERSION=1\n",
    "config/app.toml": "a = 1\n",
}


def _compose(name: str, rule: str, key: str, old: str, new: str, **more: Any) -> Case:
    return Case(name, rule, key, {"compose.yaml": (old, new)}, **more)


def _cache(name: str, rule: str, key: str, line: str, **more: Any) -> Case:
    """One more line for the container `cache`."""
    path = f"services.cache.{key}" if key else "services.cache"
    old = "    image: redis:7\n"
    return _compose(name, rule, path, old, old + f"    {line}\n", **more)


def _env(name: str, rule: str, key: str, text: str, **more: Any) -> Case:
    return Case(name, rule, key, {".env": ("", text)}, **more)


_HOSTILE = (
    _cache("half a character", "bad-character", "labels[0]", 'labels: [«"\\udfff"»]'),
    _cache("more ports than there are", "too-many-ports", "ports[2]", "ports: ['1024-65000/udp', '1024-65000/udp', «'1024-65000/udp'»]"),
    _compose(
        "more containers than anybody runs", "too-many-containers", "services", "", "«s»ervices:\n" + "".join(f"  s{n}: {{image: a}}\n" for n in range(201)),
    ),
    _env("values that multiply", "too-large", "C", f"VERSION=1\nA={'x' * 1000}\nB={'$A' * 1000}\nC=«{'$B' * 200}»\n"),
    Case(
        "a value that multiplies in the compose file", "too-large", "services.cache.labels[0]",
        {"compose.yaml": ("    image: redis:7\n", f"    image: redis:7\n    labels: ['{'$A' * 2000}']\n")},
        {".env": f"VERSION=1\nA={'x' * 1000}\n"}, at=("compose.yaml", 11, 2113),
    ),
    Case(
        "a file whose name turns text around", "bad-file-name", "services.web.volumes[0]",
        {"compose.yaml": ("./config:/etc/api:ro", "«./config:/etc/api:ro»")}, {"config/\u202egnp.exe": "x"},
    ),
    Case(
        "a file whose name is not UTF-8", "bad-file-name", "services.web.volumes[0]",
        {"compose.yaml": ("./config:/etc/api:ro", "«./config:/etc/api:ro»")}, {"config/\udcff": "x"},
    ),
)  # fmt: skip
_TARGET = GOOD["clusters.yaml"][GOOD["clusters.yaml"].index("      api:") :]
_UNSAID = _TARGET.replace("api:", "«api»:", 1).replace("        target: web\n", "")
_SECOND = (
    "        env: {LEVEL: info}\n",
    "        env: {LEVEL: info}\n      b: {compose: ./b.yaml, kind: worker}\n",
)
CASES = (
    *_HOSTILE,
    # the text
    _compose("not YAML", "yaml-syntax", "", '["8080"]', '["8080"', at=("compose.yaml", 5, 5)),
    _compose("tab", "tab", "", "  cache:\n", "«\t»cache:\n"),
    _compose("a list at the top", "bad-type", "", "", "«-» services\n"),
    _compose("container twice", "duplicate-key", "services.web", "configs:", "  «web»: {image: a}\nconfigs:"),
    _compose("reset tag", "yaml-tag", "services.cache.image", "redis:7", "«!reset a»"),
    _compose("unknown top-level key", "unknown-key", "service", "configs: {}", "«service»: {}"),
    _compose("no containers", "no-container", "services", "", "configs: {}\n", at=("compose.yaml", 1, 1)),
    # variables
    _compose("variable nobody defines", "undefined-variable", "services.web.image", "${VERSION}", "«${VERSON}»"),
    _compose("bare variable nobody defines", "undefined-variable", "services.web.image", "${VERSION}", "«$VERSON»"),
    _compose("variable of the shell alone", "undefined-variable", "services.web.image", "${VERSION}", "«${HOME}»"),
    _compose("variable inside a default", "undefined-variable", "services.web.image", "${VERSION}", "${A:-«${B}»}"),
    _compose("required variable", "undefined-variable", "services.web.image", "${VERSION}", "«${TAG:?say which}»"),
    _compose("brace not closed", "interpolation", "services.web.environment.LEVEL", '"${LEVEL}"', '"«${»LEVEL"'),
    _compose("form that Compose does not know", "interpolation", "services.web.environment.LEVEL", "${LEVEL}", "«${LEVEL!}»"),
    _compose("bare brace in a default", "interpolation", "services.web.environment.LEVEL", "${LEVEL}", "${X:-«{»1}}"),
    _compose("environment without value", "undefined-variable", "services.web.environment.TOKEN", '{LEVEL: "${LEVEL}"}', "{«TOKEN»: }"),
    _env("a line that sets nothing", "bad-dotenv", "", "VERSION=1\n«VERSION» 2\n"),
    _env("quote not closed", "bad-dotenv", "TOKEN", "VERSION=1\nTOKEN=«\"»abc\n"),
    _env("name that is no variable", "bad-variable-name", "", "VERSION=1\n«MY-KEY»=1\n"),
    _env("reference to nothing", "undefined-variable", "TOKEN", "VERSION=1\nTOKEN=«pa$word»\n"),
    _env("Docker's own variable", "reserved-variable", "DOCKER_HOST", "VERSION=1\n«DOCKER_HOST»=x\n"),
    Case(".env that is not UTF-8", "not-utf8", "", files={".env": b"VERSION=1\nA=\xff\n"}, at=(".env", 2, 1)),
    # containers
    _compose("container that is a word", "bad-type", "services.cache", "  cache:\n    image: redis:7\n", "  «cache»: redis\n"),
    _compose("no image", "image-missing", "services.cache", "  cache:\n    image: redis:7\n", "  «cache»: {init: true}\n"),
    _compose("only built", "image-missing", "services.cache.build", "    image: redis:7", "    «build»: ."),
    _compose("image with a capital", "bad-image", "services.cache.image", "redis:7", "«Redis:7»"),
    _compose("containers that differ in case", "differs-in-case", "services.Web", "configs:", "  «Web»: {image: a}\nconfigs:"),
    _cache("unknown key", "unknown-key", "imag", "«imag»: a"),
    _cache("key of a newer Compose", "unknown-key", "post_start", "«post_start»: []"),
    _cache("ports that are a word", "bad-type", "ports", "ports: «all»"),
    _cache("extends", "extends", "extends", "«extends»: {service: web}"),
    _cache("three of them", "replicas", "deploy.replicas", "deploy: {replicas: «3»}"),
    _cache("scale", "replicas", "scale", "scale: «2»"),
    _cache("depends on nobody", "unknown-container", "depends_on", "depends_on: [«db»]"),
    _cache("network nobody defines", "unknown-network", "networks.back", "networks: [«back»]"),
    _cache("config nobody defines", "unknown-config", "configs[0]", "configs: [«app»]"),
    _cache("secret nobody defines", "unknown-secret", "secrets[0]", "secrets: [{source: «»x}]".replace("{source: «»x}", "«{»source: x}")),
    _compose("waits for a profile", "profile-needed", "services.web.depends_on", "    depends_on: [cache]\n  cache:\n", "    depends_on: [«cache»]\n  cache:\n    profiles: [debug]\n"),
    _compose("external network", "external", "networks.back.external", "configs: {}", "networks: {back: {external: «true»}}"),
    # the routed container
    _compose("host network", "routed-container", "services.web.network_mode", '    expose: ["8080"]', '    expose: ["8080"]\n    «network_mode»: host'),
    _compose("fixed name", "routed-container", "services.web.container_name", '    expose: ["8080"]', '    expose: ["8080"]\n    «container_name»: web'),
    Case("two ports to choose from", "target-unclear", "clusters.prod.services.api", {
        "compose.yaml": ('["8080"]', '["8080", "9090"]'), "clusters.yaml": (_TARGET, _UNSAID)}),
    Case("no port to be found", "target-unclear", "clusters.prod.services.api", {
        "compose.yaml": ('    expose: ["8080"]\n', ""), "clusters.yaml": (_TARGET, _UNSAID)}),
    Case("target that is not there", "bad-target", "clusters.prod.services.api.target", {
        "clusters.yaml": ("target: web", "target: «wbe:8080»")}),
    Case("target without a port of two", "target-unclear", "clusters.prod.services.api.target", {
        "compose.yaml": ('["8080"]', '["8080", "9090"]'), "clusters.yaml": ("target: web", "target: «web»")}),
    # ports
    _cache("HAProxy's port", "port-taken", "ports[0]", "ports: [«'80:6379'»]"),
    _cache("Caddy's port, long form", "port-taken", "ports[0].published", "ports: [{target: 1, published: «8080»}]"),
    _cache("a port in a range", "port-taken", "ports[0]", "ports: [«20-25:20-25»]"),
    _cache("ranges of different length", "bad-port", "ports[0]", "ports: [«'9000-9002:1-2'»]"),
    _cache("not a port", "bad-port", "ports[0]", "ports: [«'web:80'»]"),
    Case("port of another service", "port-taken", "services.w.ports[0]", {
        "clusters.yaml": _SECOND, "compose.yaml": ("    image: redis:7\n", "    image: redis:7\n    ports: ['5353:53/udp']\n")},
        {"b.yaml": "services: {w: {image: a, ports: [«'127.0.0.1:5353:53/udp'»]}}\n"}),
    Case("container name of another service", "container-name-taken", "services.w.container_name", {
        "clusters.yaml": _SECOND, "compose.yaml": ("    image: redis:7\n", "    image: redis:7\n    container_name: c\n")},
        {"b.yaml": "services: {w: {image: a, container_name: «c»}}\n"}),
    # volumes and files
    _compose("named volume", "volume-refused", "services.cache.volumes[0]", "    image: redis:7\n", "    image: redis:7\n    volumes: [«'data:/data'»]\n"),
    _cache("writable mount", "volume-refused", "volumes[0]", "volumes: [«./config:/data»]"),
    _cache("anonymous volume", "volume-refused", "volumes[0]", "volumes: [«/data»]"),
    _cache("not a mount", "bad-mount", "volumes[0]", "volumes: [«'a b:c'»]"),
    _cache("mounted file that is not there", "missing-file", "volumes[0]", "volumes: [«./gone:/a:ro»]"),
    _cache("mount from outside", "outside-folder", "volumes[0]", "volumes: [«../x:/a:ro»]"),
    _cache("mount from the home folder", "outside-folder", "volumes[0]", "volumes: [«~/x:/a:ro»]"),
    _cache("link that leads outside", "outside-folder", "volumes[0]", "volumes: [«./out:/a:ro»]", links={"out": "/etc"}),
    _cache("link inside a mounted folder that leads outside", "outside-folder", "volumes[0]", "volumes: [«./d:/a:ro»]", links={"d/out": "../../../../etc/hostname"}),
    _cache("link that leads to itself", "symlink-loop", "volumes[0]", "volumes: [«./me:/a:ro»]", links={"me": "me"}),
    _cache("folder that contains itself", "symlink-loop", "volumes[0]", "volumes: [«./d:/a:ro»]", links={"d/d": "../d"}),
    _cache("file larger than 10 MiB", "file-too-large", "volumes[0]", "volumes: [«./big:/a:ro»]", files={"big": b"x" * (10 * 1024 * 1024 + 1)}),
    _cache("files larger than 50 MiB together", "service-too-large", "volumes[0]", "volumes: [«./big:/a:ro»]", files={f"big/{n}": b"x" * (9 * 1024 * 1024) for n in range(6)}),
    _cache("file with a name of Dynia's own", "reserved-path", "volumes[0]", "volumes: [«./override.yaml:/a:ro»]", files={"override.yaml": "x"}),
    _cache("container name of Dynia's own", "container-name-taken", "container_name", "container_name: «dynia-caddy»"),
    _cache("env file that is not there", "missing-file", "env_file", "env_file: «./gone.env»"),
    Case("env file with a broken line", "bad-dotenv", "A", {
        "compose.yaml": ("    image: redis:7\n", "    image: redis:7\n    env_file: [./a.env]\n")},
        {"a.env": "B=1\nA=«'»x\n"}),
    _compose("config file that is not there", "missing-file", "configs.app.file", "    image: redis:7\nconfigs: {}", "    image: redis:7\n    configs: [app]\nconfigs: {app: {file: «./gone»}}"),
    # includes
    _compose("remote include", "remote-include", "include[0]", "configs: {}", "include: [«'https://example.com/c.yaml'»]"),
    _compose("include that is not there", "missing-file", "include[0]", "configs: {}", "include: [«gone.yaml»]"),
    _compose("include of itself", "include-cycle", "include[0]", "configs: {}", "include: [«more.yaml»]", files={"more.yaml": "include: [«more.yaml»]\n"}),
    _compose("include that defines a container again", "include-conflict", "services.web", "configs: {}", "include: [more.yaml]", files={"more.yaml": "services:\n  «web»: {image: a}\n"}),
    _compose("include with an env file", "include-form", "include[0].env_file", "configs: {}", "include: [{path: more.yaml, «env_file»: a}]", files={"more.yaml": "services: {m: {image: a}}\n"}),
    _compose("mistake in an included file", "unknown-key", "services.m.imag", "configs: {}", "include: [sub/more.yaml]", files={"sub/more.yaml": "services: {m: {image: a, «imag»: b}}\n"}),
)  # fmt: skip
