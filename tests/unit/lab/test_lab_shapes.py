"""The lab's pure parts: which lab a folder has, what a node may do, what an image is."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.archive import ImageFile, image_archive
from dynia.providers.nodes.docker.lab import find_lab
from dynia.providers.nodes.docker.machine import BY_BIT, WITHHELD, Machine, capabilities, create_arguments
from dynia.providers.nodes.docker.seed import seed

EVERYTHING = (1 << 41) - 1
MACHINE = Machine(
    name="dynia-x-1",
    hostname="one",
    image="node",
    network="dynia-x",
    address="198.18.7.2",
    volume="dynia-x-198.18.7.2",
    labels={"dev.dynia.lab": "x"},
)


def test_a_folder_inside_a_checkout_has_the_lab_of_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "one" / ".git").mkdir(parents=True)
    (tmp_path / "one" / "examples" / "demo").mkdir(parents=True)
    assert find_lab(tmp_path / "one" / "examples" / "demo", {}) == find_lab(tmp_path / "one", {})


def test_two_checkouts_have_two_labs(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / ".git").mkdir(parents=True)
    assert find_lab(tmp_path / "one", {}).id != find_lab(tmp_path / "two", {}).id


def test_a_link_to_a_checkout_is_the_same_lab(tmp_path: Path) -> None:
    (tmp_path / "one" / ".git").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert find_lab(tmp_path / "link", {}) == find_lab(tmp_path / "one", {})


def test_the_environment_can_name_another_root(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert find_lab(tmp_path, {"DYNIA_LAB": str(other)}).root == str(other)


def test_a_node_gets_only_capabilities_that_this_machine_has() -> None:
    bit = BY_BIT.split().index("sys_resource")
    assert "sys_resource" in capabilities(EVERYTHING)
    assert "sys_resource" not in capabilities(EVERYTHING & ~(1 << bit))


@pytest.mark.parametrize("name", sorted(WITHHELD))
def test_a_node_never_gets_what_reaches_past_it(name: str) -> None:
    assert name in BY_BIT.split()
    assert name not in capabilities(EVERYTHING)


def test_systemd_is_told_of_cgroup_v1_only_where_it_is() -> None:
    old, new = (create_arguments(MACHINE, EVERYTHING, version) for version in ("1", "2"))
    assert any("LEGACY_FORCE" in part for part in old)
    assert not any("LEGACY_FORCE" in part for part in new)


def test_the_seed_has_the_private_key_for_root_only() -> None:
    with tarfile.open(fileobj=io.BytesIO(seed("PRIVATE", "PUBLIC", "ssh-ed25519 AAAA me"))) as tar:
        modes = {entry.name: (oct(entry.mode), entry.uid) for entry in tar}
    assert modes["etc/ssh/ssh_host_ed25519_key"] == ("0o600", 0)
    assert modes["root/.ssh"] == ("0o700", 0)
    assert modes["root/.ssh/authorized_keys"] == ("0o600", 0)


def test_an_image_of_the_same_files_has_the_same_bytes_in_any_order() -> None:
    files = (ImageFile(path="bin/a", content=b"a", mode=0o755), ImageFile(path="bin/b", link="a"))
    assert image_archive("t", files, {}) == image_archive("t", files[::-1], {})
    assert image_archive("t", files, {}) != image_archive("t", files[:1], {})
