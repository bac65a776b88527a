"""What can be ordered: regions, sizes with prices (US dollars), images; more of them than fit on a page."""

from __future__ import annotations

from dataclasses import dataclass

from dynia.twin.exchange import Json

REGIONS = {
    "ams3": "Amsterdam 3",
    "blr1": "Bangalore 1",
    "fra1": "Frankfurt 1",
    "lon1": "London 1",
    "nyc1": "New York 1",
    "nyc3": "New York 3",
    "sfo3": "San Francisco 3",
    "sgp1": "Singapore 1",
    "syd1": "Sydney 1",
    "tor1": "Toronto 1",
}
CLOSED = {"ams2": "Amsterdam 2"}


@dataclass(frozen=True, slots=True)
class Size:
    """`memory` in MiB, `disk` in GiB, `monthly` in US dollars. `regions` empty: all that are open."""

    slug: str
    vcpus: int
    memory: int
    disk: int
    monthly: float
    regions: tuple[str, ...] = ()


_IN_ALL_REGIONS = tuple(
    Size(slug, vcpus, memory * 1024 // 2, disk, monthly)
    for slug, vcpus, memory, disk, monthly in (  # memory counted in halves of a GiB
        ("s-1vcpu-512mb-10gb", 1, 1, 10, 4.0),
        ("s-1vcpu-1gb", 1, 2, 25, 6.0),
        ("s-1vcpu-1gb-amd", 1, 2, 25, 7.0),
        ("s-1vcpu-1gb-intel", 1, 2, 25, 7.0),
        ("s-1vcpu-2gb", 1, 4, 50, 12.0),
        ("s-1vcpu-2gb-amd", 1, 4, 50, 14.0),
        ("s-1vcpu-2gb-intel", 1, 4, 50, 14.0),
        ("s-2vcpu-2gb", 2, 4, 60, 18.0),
        ("s-2vcpu-2gb-amd", 2, 4, 60, 21.0),
        ("s-2vcpu-2gb-intel", 2, 4, 60, 21.0),
        ("s-2vcpu-4gb", 2, 8, 80, 24.0),
        ("s-2vcpu-4gb-amd", 2, 8, 80, 28.0),
        ("s-2vcpu-4gb-intel", 2, 8, 80, 28.0),
        ("c-2", 2, 8, 25, 42.0),
        ("s-4vcpu-8gb", 4, 16, 160, 48.0),
        ("s-4vcpu-8gb-amd", 4, 16, 160, 56.0),
        ("s-4vcpu-8gb-intel", 4, 16, 160, 56.0),
        ("g-2vcpu-8gb", 2, 16, 25, 63.0),
        ("c-4", 4, 16, 50, 84.0),
        ("s-8vcpu-16gb", 8, 32, 320, 96.0),
        ("g-4vcpu-16gb", 4, 32, 50, 126.0),
        ("c-8", 8, 32, 100, 168.0),
    )
)
SIZES = (*_IN_ALL_REGIONS, Size("m-2vcpu-16gb", 2, 16384, 50, 84.0, ("nyc1", "nyc3")))

IMAGES = {
    slug: (63663980 + number, distribution, name)
    for number, (slug, distribution, name) in enumerate(
        (
            ("debian-12-x64", "Debian", "12 x64"),
            ("debian-13-x64", "Debian", "13 x64"),
            ("ubuntu-22-04-x64", "Ubuntu", "22.04 (LTS) x64"),
            ("ubuntu-24-04-x64", "Ubuntu", "24.04 (LTS) x64"),
            ("fedora-42-x64", "Fedora", "42 x64"),
            ("rockylinux-9-x64", "Rocky Linux", "9 x64"),
            *((f"docker-{n}", "Ubuntu", f"Docker {n}") for n in range(1, 20)),
        )
    )
}
FEATURES = ["backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"]


def region_json(slug: str) -> Json:
    return {
        "name": REGIONS.get(slug) or CLOSED[slug],
        "slug": slug,
        "features": FEATURES,
        "available": slug in REGIONS,
        "sizes": [size.slug for size in SIZES if slug in REGIONS and offered(size, slug)],
    }


def size_json(size: Size) -> Json:
    return {
        "slug": size.slug,
        "memory": size.memory,
        "vcpus": size.vcpus,
        "disk": size.disk,
        "transfer": 1.0,
        "price_monthly": size.monthly,
        "price_hourly": round(size.monthly / 672, 5),
        "regions": list(size.regions or REGIONS),
        "available": True,
        "description": "Basic",
    }


def image_json(slug: str) -> Json:
    number, distribution, name = IMAGES[slug]
    return {
        "id": number,
        "name": name,
        "distribution": distribution,
        "slug": slug,
        "public": True,
        "regions": list(REGIONS),
        "created_at": "2026-01-05T00:00:00Z",
        "min_disk_size": 7,
        "type": "base",
        "size_gigabytes": 2.36,
        "description": name,
        "tags": [],
        "status": "available",
    }


def offered(size: Size, region: str) -> bool:
    return not size.regions or region in size.regions


def find_size(slug: str) -> Size | None:
    return next((size for size in SIZES if size.slug == slug), None)


def find_image(wanted: str | int) -> str | None:
    """The slug of an image that was named by slug or by number."""
    if isinstance(wanted, str) and not wanted.isdigit():
        return wanted if wanted in IMAGES else None
    return next((slug for slug, (number, _, _) in IMAGES.items() if number == int(wanted)), None)
