"""What DigitalOcean's API answers, through the vendor's own SDK."""

from __future__ import annotations

from tests.fuzz.flows import DIGITALOCEAN
from tests.fuzz.vendor_target import VendorTarget
from tests.twin.judged import TOKEN


class DigitalOceanAnswers(VendorTarget):
    name = "digitalocean"
    weight = 2
    examples = 30
    flows = DIGITALOCEAN
    token = TOKEN
