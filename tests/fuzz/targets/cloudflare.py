"""What Cloudflare's API answers, through the vendor's own SDK."""

from __future__ import annotations

from tests.fuzz.flows import CLOUDFLARE
from tests.fuzz.vendor_target import VendorTarget
from tests.twin.judged_cloudflare import TOKEN


class CloudflareAnswers(VendorTarget):
    name = "cloudflare"
    weight = 2
    examples = 30
    flows = CLOUDFLARE
    token = TOKEN
