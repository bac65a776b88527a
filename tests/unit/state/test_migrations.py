"""Older states are brought to today's version; what they can't know is not made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dynia.interfaces.errors import BadInput
from dynia.state.migrations import MIGRATIONS
from dynia.state.model import VERSION
from dynia.state.store import open_store

V0 = Path(__file__).parent / "version-0.json"


def old(folder: Path) -> bytes:
    content = V0.read_bytes()
    (folder / "state.json").write_bytes(content)
    return content


def test_version_0_keeps_machines_and_address_and_leaves_out_what_was_only_announced(tmp_path):
    old(tmp_path)
    state = open_store(tmp_path).state
    assert state.version == VERSION
    assert state.current_cluster == "testdynia5"
    home = state.cluster("testdynia5")
    assert home is not None
    assert home.reserved_ip is not None
    assert (home.provider, home.reserved_ip.address, home.next_ordinal) == ("digitalocean", "203.0.113.9", 3)
    assert [(n.name, n.ordinal, n.provider_id, n.role, n.host_key) for n in state.nodes] == [
        ("brave-panda", 1, "501", "MASTER", ""),
        ("misty-owl", 2, "502", "BACKUP", ""),
    ]
    assert (state.deployments, state.routes) == ((), ())


def test_a_migrated_state_is_durable_with_one_lineage_and_the_old_file_is_kept(tmp_path):
    content = old(tmp_path)
    first, second = open_store(tmp_path), open_store(tmp_path)
    assert first.state == second.state
    assert len(first.state.lineage) == 32
    assert json.loads((tmp_path / "state.json").read_bytes())["version"] == VERSION
    assert (tmp_path / ".dynia" / "state-version-0.json").read_bytes() == content


def test_who_only_reads_migrates_nothing_on_disk(tmp_path):
    content = old(tmp_path)
    assert open_store(tmp_path, make=False).state.nodes
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
    assert (tmp_path / "state.json").read_bytes() == content


def test_a_mistake_in_an_old_file_is_told_at_its_place(tmp_path):
    (tmp_path / "state.json").write_bytes(V0.read_bytes().replace(b'"priority": 110', b'"priority": "high"'))
    with pytest.raises(BadInput) as caught:
        open_store(tmp_path)
    mistake = caught.value.mistakes[0]
    assert (mistake.line, mistake.column, mistake.key) == (10, 36, "nodes[0].priority")


def test_there_is_a_way_from_every_older_version():
    assert sorted(MIGRATIONS) == list(range(VERSION))
