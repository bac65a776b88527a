"""A vendor that answers nonsense was not observed: said in words, after a bounded number of calls."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.providers.answers import MOST_ITEMS, nonsense
from dynia.providers.images import Images
from dynia.providers.nodes.digitalocean.answers import SHAPES
from tests.fuzz.loopback import Vendor
from tests.fuzz.targets.cloudflare import CloudflareAnswers
from tests.fuzz.targets.digitalocean import DigitalOceanAnswers
from tests.fuzz.vendor_target import VendorTarget

DROPLET = {
    "id": 1, "name": "node-1", "status": "active", "locked": False, "tags": [], "size": {"price_monthly": 6},
    "networks": {"v4": [{"type": "public", "ip_address": "198.18.0.2"}]},
}  # fmt: skip
RECORD = {"id": "r1", "name": "api.example.com", "type": "A", "content": "198.18.0.9"}


def droplets(*changed: dict[str, Any], **more: Any) -> object:
    listed = [{**DROPLET, **one} for one in changed]
    return {"droplets": listed, "meta": {"total": len(listed)}, "links": {}, **more}


def records(*changed: dict[str, Any], **more: Any) -> object:
    listed = [{**RECORD, **one} for one in changed]
    return {"success": True, "result": listed, "result_info": {"total_count": len(listed)}, **more}


DIGITALOCEAN = {
    "no list": {"meta": {"total": 0}},
    "a list of numbers": {"droplets": [1, 2], "meta": {"total": 2}},
    "no total": {"droplets": []},
    "a total in words": {"droplets": [], "meta": {"total": "many"}},
    "an id as text": droplets({"id": "1"}),
    "a status that nobody knows": droplets({"status": "melted"}),
    "tags that are none": droplets({"tags": None}),
    "networks that are a list": droplets({"networks": []}),
    "an address that is none": droplets(
        {"networks": {"v4": [{"type": "public", "ip_address": "198.18.0.2 dev x"}]}}
    ),
    "a name with a line end": droplets({"name": "a\n    server evil 198.18.9.9"}),
    "links that are a list": droplets({}, links=[1]),
    "pages without end": droplets({}, links={"pages": {"next": "http://x/?page=2"}}, meta={"total": 10**9}),
    "a list": [],
    "nothing": None,
}
CLOUDFLARE = {
    "no result": {"success": True},
    "a result that is a word": {"success": True, "result": "yes", "result_info": {"total_count": 1}},
    "an id as a number": records({"id": 7}),
    "a name that is none": records({"name": None}),
    "no total": {"success": True, "result": []},
    "a total in words": records({}, result_info={"total_count": "many"}),
    "pages without end": records({}, result_info={"total_count": 10**12}),
    "errors that are a number": {"success": False, "errors": 7, "result": None},
    "a list": [],
}
RAW = {
    "HTML": b"<html><body>502 Bad Gateway</body></html>",
    "half an object": b'{"droplets": [',
    "bytes": b"\xff\xfe\x00\x01" * 50,
    "nested": b"[" * 20_000,
    "a number of thousands of digits": b'{"droplets": [], "result": [], "meta": {"total": '
    + b"9" * 6000
    + b"}}",
    "half a character": b'{"droplets": [{"id": "\\ud800"}], "result": "\\ud800"}',
}


def told(border: VendorTarget, call: str, status: int, body: bytes, more: str = "") -> DyniaError:
    with pytest.raises(DyniaError) as caught:
        list(border.attempt(f"{call} {status} {more}\n".encode() + body))
    return caught.value


@pytest.mark.parametrize("name", DIGITALOCEAN)
def test_digitalocean_that_answers_nonsense_was_not_observed(name: str) -> None:
    error = told(DigitalOceanAnswers(), "list 0", 200, json.dumps(DIGITALOCEAN[name]).encode())
    assert isinstance(error, NotObservedError) and "DigitalOcean" in error.message


@pytest.mark.parametrize("name", CLOUDFLARE)
def test_cloudflare_that_answers_nonsense_was_not_observed(name: str) -> None:
    error = told(CloudflareAnswers(), "records 1", 200, json.dumps(CLOUDFLARE[name]).encode())
    assert isinstance(error, NotObservedError) and "Cloudflare" in error.message


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize("status", [200, 404, 422, 500])
def test_what_is_no_answer_is_said_in_words(name: str, status: int) -> None:
    for border, call in ((DigitalOceanAnswers(), "list 0"), (CloudflareAnswers(), "records 1")):
        told(border, call, status, RAW[name])


@pytest.mark.parametrize(
    "header", ["retry-after: \xb2", "ratelimit-reset: \xb2", "retry-after: " + "9" * 5000]
)
def test_a_time_to_wait_that_is_none_is_no_time(header: str) -> None:
    for border, call in ((DigitalOceanAnswers(), "list 0"), (CloudflareAnswers(), "records 1")):
        with pytest.raises(DyniaError):
            list(border.attempt(f"{call} 429 {header}\n{{}}".encode("latin-1")))


def test_every_shape_is_one_that_can_be_checked() -> None:
    for call in SHAPES:
        assert nonsense(SHAPES, call, {}) and nonsense(SHAPES, call, None)
    assert nonsense(SHAPES, "droplets.destroy", None) == ""
    assert MOST_ITEMS >= 10_000


@pytest.mark.parametrize("port", ["99999", "x", ""])
def test_a_registry_that_cannot_be_asked_is_no_bug(port: str) -> None:
    async def resolve() -> object:
        images = Images({})
        try:
            return await images.resolve(f"127.0.0.1:{port}/a/b:1")
        finally:
            await images.close()

    assert "UnresolvedImage" in repr(asyncio.run(resolve()))


@pytest.mark.parametrize(
    "odd",
    [
        b"HTTP/1.1 200 OK\r\nDocker-Content-Digest: sha256:xyz\r\n\r\n",
        b'HTTP/1.1 401 no\r\nWWW-Authenticate: Bearer realm="https://["\r\nContent-Length: 0\r\n\r\n',
        b'HTTP/1.1 401 no\r\nWWW-Authenticate: Bearer realm="https://127.0.0.1:99999/"\r\nContent-Length: 0\r\n\r\n',
        b"HTTP/1.1 302 x\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 x\r\nLocation: //\xff\r\nContent-Length: 0\r\n\r\n",
        b"\x00\xff" * 100,
        b"",
    ],
)
def test_a_registry_that_answers_nonsense_has_no_image(odd: bytes) -> None:
    async def resolve() -> object:
        flow = [{"method": "HEAD", "path": "/v2/a/b/manifests/1", "status": 200, "body": None}]
        async with Vendor(flow, 0, odd) as url:
            images = Images({})
            try:
                return await images.resolve(f"{url.removeprefix('http://')}/a/b:1")
            finally:
                await images.close()

    assert "UnresolvedImage" in repr(asyncio.run(resolve()))
