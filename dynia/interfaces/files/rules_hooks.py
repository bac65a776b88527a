"""Rules about what happens around an apply: commands on this machine, and webhooks."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UnsetType

from dynia.interfaces.durations import seconds
from dynia.interfaces.errors import Mistake
from dynia.interfaces.files import raw
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.yaml_tree import Path
from dynia.interfaces.https_url import is_https

MOST_WEBHOOKS = 20


def hooks(ground: Ground, path: Path, spec: raw.Cluster) -> Iterator[Mistake]:
    """`path` is the path of the cluster."""
    for event in ("pre_plan", "pre_apply", "post_apply", "on_failure"):
        command, here = getattr(spec.hooks, event), (*path, "hooks", event)
        if isinstance(command, UnsetType):
            continue
        if not command:
            yield ground.at(here, "empty-command", "a command has at least one word", "leave it out")
        elif any("\0" in word for word in (command if isinstance(command, list) else [command])):
            yield ground.at(here, "bad-character", "a command cannot hold a zero byte")
    if not 1 <= seconds(spec.hooks.timeout) <= 3600:
        yield ground.at((*path, "hooks", "timeout"), "bad-duration", "between 1s and 1h")
    if len(spec.notify) > MOST_WEBHOOKS:
        message = f"more than {MOST_WEBHOOKS} webhooks"
        yield ground.at((*path, "notify"), "too-many-webhooks", message, "each of them is waited for")
    for index, webhook in enumerate(spec.notify):
        here = (*path, "notify", index)
        if not isinstance(webhook.events, UnsetType) and not webhook.events:
            message, hint = "it would be told of nothing", "leave events out, or name some"
            yield ground.at((*here, "events"), "no-event", message, hint)
        if isinstance(webhook.url, str) and not is_https(webhook.url):
            message, hint = "not a URL of https", "https://HOST/PATH; one that is a secret: {env: VARIABLE}"
            yield ground.at((*here, "url"), "bad-webhook", message, hint)
