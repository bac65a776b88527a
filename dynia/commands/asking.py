"""What a command needs and nobody said: asked for on a terminal, an error without one."""

from __future__ import annotations

import os

from dynia.commands.output import standard_output
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.requests import InitRequest


def asked(flag: str, question: str, default: str = "") -> str:
    """The answer, `default` for an empty one. What has neither is an error that names the flag."""
    output = standard_output()
    if not output.can_ask:
        raise DyniaError(f"{flag} is not said, and there is no terminal to ask on", hint=f"add {flag}")
    answer = output.ask(f"{question}{f' [{default}]' if default else ''}:") or default
    if not answer:
        raise DyniaError(f"{flag} is needed", hint=f"add {flag}")
    return answer


def size_and_region(provider: str, size: str, region: str) -> tuple[str, str]:
    """What DigitalOcean needs of both; the lab has neither."""
    if provider != "digitalocean":
        said = " and ".join(flag for flag, text in (("--size", size), ("--region", region)) if text)
        if said:
            standard_output().tell(f"Note: provider {provider} has no {said}; left out of the file.")
        return "", ""
    size = size or asked("--size", "Size of each machine", "s-1vcpu-1gb")
    return size, region or os.environ.get("DIGITALOCEAN_REGION") or asked("--region", "Region", "lon1")


def cloudflare(provider: str = "digitalocean") -> bool:
    """Whether names may be bound at Cloudflare: droplets, and a token is there. Without one it is said."""
    if provider != "digitalocean":
        return False
    if os.environ.get("CLOUDFLARE_API_TOKEN"):
        return True
    standard_output().tell(
        "Note: CLOUDFLARE_API_TOKEN is not set: no name is bound, and HTTP is not encrypted (dns: and "
        "tls: in the file)."
    )
    return False


def completed(said: InitRequest, hosts: tuple[str, ...]) -> InitRequest:
    """The request with everything that a first file needs."""
    import msgspec

    provider = said.provider or asked(
        "--provider",
        "Where do nodes come from? docker: the lab, on this machine; ssh: hosts of yours; digitalocean",
        "docker",
    )
    cluster = said.cluster or asked("--name", "Name of the cluster", "prod")
    nodes, size, region = said.nodes, "", ""
    if provider == "ssh":
        listed = hosts or tuple(asked("--host", "Hosts, each as NAME,ADDRESS[,PRIVATE ADDRESS]").split())
    else:
        listed = ()
        nodes = nodes or _number(asked("--nodes", "How many nodes", "3"))
        size, region = size_and_region(provider, said.size, said.region)
    compose, domains = said.compose, said.domains
    if not compose and standard_output().can_ask:
        compose = standard_output().ask("Compose file of a first service (empty: none yet):")
    if compose and not domains:
        domains = tuple(asked("--domain", "Its domains").split())
    return msgspec.structs.replace(
        said,
        provider=provider,
        cluster=cluster,
        nodes=nodes,
        hosts=tuple(_host(text) for text in listed),
        size=size,
        region=region,
        service=said.service or "web",
        compose=compose,
        domains=domains,
    )


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 200:
        raise DyniaError(f"{text!r} is not a number of nodes, 1 to 200")
    return int(text)


def _host(text: str) -> tuple[str, str, str]:
    parts = text.split(",")
    if len(parts) not in (2, 3) or not all(parts):
        raise DyniaError(f"{text!r} is not NAME,ADDRESS or NAME,ADDRESS,PRIVATE ADDRESS")
    return parts[0], parts[1], parts[-1]
