"""The first boot is told one host key and who may log in, whatever a key's comment holds."""

from __future__ import annotations

import asyncssh
import pytest
from ruamel.yaml import YAML

from dynia.providers.nodes.digitalocean.user_data import user_data
from dynia.providers.protocols import NodeOrder


@pytest.mark.parametrize("comment", ["", " me@laptop", ' it\'s "me": {a: b} # & *x', " \U0001f511\u2028\x85"])
def test_keys_come_through_yaml_as_they_are(comment: str) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    private, public = key.export_private_key().decode(), key.export_public_key().decode().strip()
    order = NodeOrder(
        lineage="l",
        cluster="c",
        ordinal=1,
        name="n",
        authorized_key=public + comment,
        host_private_key=private,
        host_public_key=public + comment,
    )
    text = user_data(order)
    assert text.splitlines()[0] == "#cloud-config"
    read = YAML(typ="safe").load(text)
    assert read["ssh_keys"] == {"ed25519_private": private, "ed25519_public": public}
    assert read["ssh_authorized_keys"] == [public]
    assert (read["ssh_deletekeys"], read["ssh_pwauth"], read["disable_root"]) == (True, False, False)
