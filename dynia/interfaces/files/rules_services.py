"""Rules about the services of one cluster, as far as clusters.yaml alone tells."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UnsetType

from dynia.interfaces.durations import seconds, written
from dynia.interfaces.errors import Mistake
from dynia.interfaces.files import raw
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.rules_names import RESERVED_SERVICES, domain_mistake, names
from dynia.interfaces.files.variables import reserved_variable
from dynia.interfaces.files.yaml_tree import Path

INTERVAL, TIMEOUT_SHARE, LONGEST_TIMEOUT = 0.2, 0.75, 2.0
LONGEST_PRE_DEPLOY = 6 * 3600


def services(ground: Ground, path: Path, spec: raw.Cluster) -> Iterator[Mistake]:
    """`path` is the path of the mapping of services."""
    yield from names(ground, path, spec.services, "service", RESERVED_SERVICES)
    owner: dict[str, str] = {}
    default = ""
    for name, service in spec.services.items():
        here = (*path, name)
        for index, domain in enumerate(service.domains):
            at = (*here, "domains", index)
            wrong = domain_mistake(ground, at, domain)
            if wrong:
                yield wrong
            elif owner.setdefault(domain, name) != name or domain in service.domains[:index]:
                message = f"{domain} is taken by service {owner[domain]}"
                yield ground.at(at, "duplicate-domain", message, "a domain has one service")
        if service.default and default:
            message = f"service {default} is the default already"
            yield ground.at((*here, "default"), "two-defaults", message)
        elif service.default:
            default = name
        yield from _kind(ground, here, service)
        yield from _health(ground, (*here, "health"), service, spec)
        yield from _pre_deploy(ground, here, service)
        for variable, value in service.env.items():
            at = (*here, "env", variable)
            if reserved_variable(variable):
                message = f"{variable} would change how Compose itself works"
                yield ground.at(at, "reserved-variable", message, "give it another name", key=True)
            elif "\0" in value:
                yield ground.at(at, "bad-character", "a variable cannot hold a zero byte")


def _kind(ground: Ground, path: Path, service: raw.Service) -> Iterator[Mistake]:
    if service.kind == "worker":
        for key in ("domains", "default", "target", "health"):
            if getattr(service, key):
                message, hint = "a worker has no HTTP", "leave it out, or say kind: http"
                yield ground.at((*path, key), "worker-with-http", message, hint, key=True)
    elif not service.domains and not service.default and ground.sound(*path):
        message = "nothing leads to this service: it has no domains"
        hint = "add domains, or default: true, or kind: worker"
        yield ground.at(path, "no-domain", message, hint, key=True)


def _pre_deploy(ground: Ground, path: Path, service: raw.Service) -> Iterator[Mistake]:
    for index, word in enumerate(service.pre_deploy):
        if "\0" in word:
            message = "a command cannot hold a zero byte"
            yield ground.at((*path, "pre_deploy", index), "bad-character", message)
    if not 1 <= seconds(service.pre_deploy_timeout) <= LONGEST_PRE_DEPLOY:
        yield ground.at((*path, "pre_deploy_timeout"), "bad-duration", "between 1s and 6h")


def times(health: raw.Health | None) -> tuple[float, float]:
    """Interval and timeout in seconds. The one that is left out follows the other."""
    interval = timeout = None
    if health is not None:
        interval = None if isinstance(health.interval, UnsetType) else seconds(health.interval)
        timeout = None if isinstance(health.timeout, UnsetType) else seconds(health.timeout)
    if interval is None:
        interval = INTERVAL if timeout is None else max(INTERVAL, round(timeout / TIMEOUT_SHARE, 3))
    if timeout is None:
        timeout = min(LONGEST_TIMEOUT, round(interval * TIMEOUT_SHARE, 3))
    return interval, timeout


def _health(ground: Ground, path: Path, service: raw.Service, spec: raw.Cluster) -> Iterator[Mistake]:
    if service.health is None or service.kind != "http":
        return
    interval, timeout = times(service.health)
    wait = seconds(spec.rollout.health_timeout)
    if not 0.05 <= interval <= 600:
        yield ground.at((*path, "interval"), "bad-duration", "between 50ms and 10m")
    elif timeout < 0.01:
        yield ground.at((*path, "timeout"), "bad-duration", "at least 10ms")
    elif timeout >= interval:
        message = f"{written(timeout)} is not shorter than the interval, {written(interval)}"
        hint = "a check must end before the next one starts"
        yield ground.at((*path, "timeout"), "times-contradict", message, hint)
    elif interval >= wait:
        message = f"{written(interval)} is not shorter than rollout.health_timeout, {written(wait)}"
        hint = "a rollout would give up before the second check"
        yield ground.at((*path, "interval"), "times-contradict", message, hint)
