"""The JSON Schema of clusters.yaml, made from the types that check it."""

from __future__ import annotations

from typing import Any

import msgspec

from dynia.interfaces.files import raw
from dynia.interfaces.files.key_words import KEYS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Draft 2020-12. What only the whole file can tell (twice the same domain, ...) is not in it."""
    made = msgspec.json.schema(raw.File)
    parts = {name: _part(name, part) for name, part in made["$defs"].items()}
    root = parts.pop("File")
    # the top level may hold anchors that clusters share
    root["patternProperties"] = {"^x-": {}}
    return {"$schema": DIALECT, **root, "title": "clusters.yaml of Dynia", "$defs": parts}


def schema_text() -> str:
    """As it is printed."""
    return msgspec.json.format(msgspec.json.encode(schema(), order="sorted"), indent=2).decode() + "\n"


def _part(name: str, part: dict[str, Any]) -> dict[str, Any]:
    for key, value in part["properties"].items():
        part["properties"][key] = {**_without_null(value), "description": KEYS[name][key].replace("`", "")}
    return part


def _without_null(value: dict[str, Any]) -> dict[str, Any]:
    """A key that may be left out is not a key that may be null."""
    kept = {key: each for key, each in value.items() if key not in ("anyOf", "discriminator")}
    if value.get("default", ...) is None:
        del kept["default"]
    if "enum" in kept:
        kept["enum"] = [each for each in kept["enum"] if each is not None]
    choices = [each for each in value.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) > 1:
        return {**kept, "anyOf": choices}
    return {**kept, **choices[0]} if choices else kept
