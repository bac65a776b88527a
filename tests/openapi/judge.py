"""Holds exchanges against a vendor's OpenAPI document: path, query, body, status, headers, answer."""

from __future__ import annotations

import functools
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, oas30_format_checker

from dynia.twin.exchange import Exchange

FOLDER = pathlib.Path(__file__).parent


class Judge:
    """One document. `mistakes` lists all that an exchange breaks; empty: it is as published."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        base = re.escape(urlsplit(document["servers"][0]["url"]).path.rstrip("/"))
        self._paths = [
            (re.compile(base + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), operations)
            for path, operations in document["paths"].items()
        ]

    def operations(self) -> dict[str, dict[str, Any]]:
        """Every operation of the document by "METHOD /path"."""
        return {
            f"{method.upper()} {path}": operation
            for path, operations in self._document["paths"].items()
            for method, operation in operations.items()
            if method in ("get", "post", "put", "patch", "delete")
        }

    def mistakes(self, seen: Exchange) -> list[str]:
        for pattern, operations in self._paths:
            found = pattern.fullmatch(seen.path)
            operation = operations.get(seen.method.lower())
            if found and operation:
                where = f"{seen.method} {seen.path}"
                return [f"{where}: {one}" for one in self._judge(seen, operation, found.groupdict())]
        return [f"{seen.method} {seen.path}: not in the document"]

    def _judge(self, seen: Exchange, operation: dict[str, Any], args: dict[str, str]) -> Iterator[str]:
        yield from self._parameters(operation, args, "path")
        yield from self._parameters(operation, dict(seen.query), "query")
        refused = seen.answer is not None and 400 <= seen.answer.status < 500
        if not refused:  # a request that the vendor refuses may be wrong: that is what the test was after
            yield from self._request(operation, seen.body)
        if seen.answer is not None:
            yield from self._answer(operation, seen)

    def _parameters(self, operation: dict[str, Any], given: dict[str, str], place: str) -> Iterator[str]:
        known = {
            one["name"]: one
            for one in map(self._resolve, operation.get("parameters", ()))
            if one["in"] == place
        }
        for name in given.keys() - known.keys():
            yield f"{place} has {name}, which is not in the document"
        for name, one in known.items():
            if name in given:
                text = given[name]
                readings: list[Any] = [text, *([int(text)] if text.isdigit() else [])]
                wrong = [
                    list(self._check(OAS30ReadValidator, one["schema"], value, f"{place} {name}"))
                    for value in readings
                ]
                yield from min(wrong, key=len)
            elif one.get("required") and place == "query":
                yield f"{place} lacks {name}"

    def _request(self, operation: dict[str, Any], body: Any) -> Iterator[str]:
        if "requestBody" not in operation:
            if body is not None:
                yield "the request has a body where none is known"
            return
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if body is None:
            yield "the request has no body"
            return
        yield from self._check(OAS30WriteValidator, schema, body, "request")
        # The schemas forbid no further keys, so a misspelt one would pass.
        for name in body.keys() - self._properties(schema):
            yield f"request has {name}, which is not in the document"

    def _answer(self, operation: dict[str, Any], seen: Exchange) -> Iterator[str]:
        assert seen.answer is not None
        status, body = str(seen.answer.status), seen.answer.body
        known = operation["responses"]
        if status[0] == "2" and status not in known:
            yield f"{status} is not among the answers ({', '.join(known)})"
            return
        answer = known.get(status) or known.get(f"{status[0]}XX") or known.get("default")
        if answer is None:
            return  # of a broken server's answers the document says nothing
        answer = self._resolve(answer)
        if "content" not in answer:
            if body is not None:
                yield f"{status} has a body where none is known"
        elif body is None:
            yield f"{status} has no body"
        else:
            schema = answer["content"]["application/json"]["schema"]
            yield from self._check(OAS30ReadValidator, schema, body, status)
            # Envelopes require no key: {} would pass.
            if not body.keys() <= self._properties(schema) or not body:
                yield f"{status} has {sorted(body)}, the document {sorted(self._properties(schema))}"
        for name, header in answer.get("headers", {}).items():
            schema = self._resolve(header)["schema"]
            text = seen.answer.headers.get(name, "")
            if name == "content-type":
                continue  # the server's own
            if not text or (schema["type"] == "integer" and not text.isdigit()):
                yield f"{status} has header {name}: {text!r}"

    def _check(self, kind: Any, schema: Any, value: Any, where: str) -> Iterator[str]:
        validator = self._validator(kind, json.dumps(schema, sort_keys=True))
        for error in validator.iter_errors(value):
            yield f"{where} {error.json_path}: {error.message[:200]}"

    @functools.cache  # noqa: B019  (judges live as long as the tests)
    def _validator(self, kind: Any, schema: str) -> Any:
        whole = {"allOf": [json.loads(schema)], "components": self._document["components"]}
        return kind(whole, format_checker=oas30_format_checker)

    def _properties(self, schema: Any) -> set[str]:
        schema = self._resolve(schema)
        found = set(schema.get("properties", ()))
        for word in ("allOf", "oneOf", "anyOf"):
            for part in schema.get(word, ()):
                found |= self._properties(part)
        return found

    def _resolve(self, value: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in value:
            found: Any = self._document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value


@functools.cache
def digitalocean() -> Judge:
    return Judge(json.loads((FOLDER / "digitalocean.json").read_text()))


@functools.cache
def cloudflare() -> Judge:
    """The vendor's excerpt, and the one call that is not in it."""
    document = json.loads((FOLDER / "cloudflare.json").read_text())
    document["paths"] |= json.loads((FOLDER / "cloudflare-ips.json").read_text())
    return Judge(document)
