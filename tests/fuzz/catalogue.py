"""Every target by name, made when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from tests.fuzz.target import Target

_PLACES = {
    "desired": "desired:DesiredFile",
    "compose": "compose:ComposeFile",
    "dotenv": "dotenv:DotenvFile",
    "template": "template:TemplateFile",
    "state": "state:StateFile",
    "journal": "journal:JournalRecord",
    "lock": "lock:LockFile",
    "lease": "lease:LeaseFiles",
    "plan": "plan:PlanFile",
    "observation": "observation:Observation",
    "answers": "answers:NodeAnswers",
    "generation": "generation:KeptGeneration",
    "certificate": "certificate:CertificateFile",
    "entry": "entry:EntryAnswerBytes",
    "dns": "dns_answers:DnsAnswers",
    "digitalocean": "digitalocean:DigitalOceanAnswers",
    "cloudflare": "cloudflare:CloudflareAnswers",
    "github": "github:Comments",
}
NAMES = tuple(_PLACES)


def target(name: str) -> Target:
    module, _, kind = _PLACES[name].partition(":")
    made: Callable[[], Target] = getattr(importlib.import_module(f"tests.fuzz.targets.{module}"), kind)
    return made()
