"""The schema, the example and the docs say what the types say."""

from __future__ import annotations

import copy
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from msgspec import inspect
from ruamel.yaml import YAML

from dynia.interfaces.clusters_file import load
from dynia.interfaces.files import raw
from dynia.interfaces.files.key_words import KEYS
from dynia.interfaces.files.schema import schema
from tests.unit.files.key_tables import DOCS, PLACES, fields, structs, with_tables

ROOT = pathlib.Path(__file__).parents[3]
EXAMPLE = ROOT / "clusters.example.yaml"


def example() -> Any:
    return YAML(typ="safe", pure=True).load(EXAMPLE.read_text())


def validator() -> jsonschema.Draft202012Validator:
    made = schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def test_an_independent_validator_accepts_the_example() -> None:
    assert [error.message for error in validator().iter_errors(example())] == []


def _set(*path: str | int) -> Callable[[Any], None]:
    """Puts the last word at the path of the others."""

    def edit(tree: Any) -> None:
        for part in path[:-2]:
            tree = tree[part]
        tree[path[-2]] = path[-1]

    return edit


WRONG: dict[str, Callable[[Any], None]] = {
    "unknown key": _set("clusters", "prod", "rolout", "x"),
    "unknown provider": _set("clusters", "prod", "provider", "kind", "azure"),
    "a later provider": _set("clusters", "staging", "provider", "kind", "hetzner"),
    "droplets nowhere": lambda tree: tree["clusters"]["cloud"]["provider"].pop("region"),
    "no compose file": lambda tree: tree["clusters"]["prod"]["services"]["site"].pop("compose"),
    "duration without unit": _set("clusters", "prod", "ssh", "connect_timeout", 5),
    "port out of range": _set("clusters", "prod", "ssh", "port", 70000),
    "all nodes but in percent": _set("clusters", "prod", "rollout", "max_unavailable", "100%"),
    "no node": _set("clusters", "staging", "nodes", "count", 0),
    "variable name with a dash": _set("clusters", "prod", "services", "api", "env", "A-B", "x"),
    "password in the file": _set("clusters", "prod", "registries", 0, "password", "hunter2"),
    "null": _set("clusters", "prod", "caddy", None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", WRONG)
def test_the_schema_refuses(name: str) -> None:
    tree = copy.deepcopy(example())
    WRONG[name](tree)
    assert not validator().is_valid(tree)


def test_the_example_loads_and_has_every_provider() -> None:
    found = load(EXAMPLE, version="2.0.0")
    assert [(each.name, type(each.provider).__name__) for each in found.clusters] == [
        ("cloud", "DigitalOceanProvider"),
        ("intranet", "DockerProvider"),
        ("prod", "SshProvider"),
        ("proxied", "DockerProvider"),
        ("staging", "DockerProvider"),
        ("trial", "DockerProvider"),
    ]
    prod = next(each for each in found.clusters if each.name == "prod")
    assert prod.templates.keys() == {"haproxy/dynia.conf.mustache"}


def _used(value: Any, wanted: inspect.Type) -> Iterator[tuple[str, str]]:
    """Every key that the value has, with the struct that it belongs to."""
    match wanted:
        case inspect.Metadata(type=inner):
            yield from _used(value, inner)
        case inspect.UnionType(types=types):
            kind = value.get("kind") if isinstance(value, dict) else None
            for each in types:
                if not isinstance(each, inspect.StructType) or each.tag in (None, kind):
                    yield from _used(value, each)
        case inspect.ListType(item_type=item) if isinstance(value, list):
            for each in value:
                yield from _used(each, item)
        case inspect.DictType(value_type=inner) if isinstance(value, dict):
            for each in value.values():
                yield from _used(each, inner)
        case inspect.StructType() if isinstance(value, dict):
            known = {field.encode_name: field.type for field in wanted.fields}
            for key, each in value.items():
                yield wanted.cls.__name__, key
                yield from _used(each, known.get(key, inspect.AnyType()))


def test_the_example_names_every_key() -> None:
    used = set(_used(example(), inspect.type_info(raw.File)))
    # A file keeps its state in one place: the other one stands in a remark.
    assert re.search(r"^  kind: file .*# .*git: ", EXAMPLE.read_text(encoding="utf-8"), re.M)
    used |= {("GitState", key) for key in fields("GitState")}
    assert {(name, key) for name in structs() for key in fields(name)} - used == set()


def test_every_key_has_its_words_and_no_words_are_left_over() -> None:
    assert {name: set(words) for name, words in KEYS.items()} == {
        name: set(fields(name)) for name in structs()
    }
    assert set(PLACES) == set(structs())


def test_the_docs_have_the_tables_of_today() -> None:
    text = DOCS.read_text()
    assert text == with_tables(text), "run: python -m tests.unit.files.key_tables"
