"""Requests on their way to a node: no secret in an argv (law 9), no path that could mean something else."""

from __future__ import annotations

import io
import tarfile

import pytest

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.node_requests import WHOLE_NODE, ObserveRequest, PushRequest, RemoveRequest
from dynia.interfaces.release import ReleaseFile
from dynia.providers.ssh.messages import (
    component_key,
    observe_message,
    push_message,
    remove_message,
    service_names,
)
from dynia.providers.ssh.scripts import Places, script_command


def push(*paths: str, delete: tuple[str, ...] = ()) -> PushRequest:
    files = tuple(ReleaseFile(path=path, mode=0o600, content=b"hunter2", secret=True) for path in paths)
    return PushRequest(component="caddy", lineage="l", files=files, delete=delete)


@pytest.mark.parametrize("name", ["observe", "bootstrap", "push", "remove", "gate", "image", "follow"])
def test_every_script_fits_a_command_line_whatever_it_carries(name: str) -> None:
    command = script_command(name, ("a",), deadline_s=9, places=Places(), sudo=True)  # type: ignore[arg-type]
    assert len(command) < 20_000
    assert command.startswith("exec sudo -n -- env -i ")


def test_a_push_belongs_to_root_and_ends_with_its_end() -> None:
    with tarfile.open(fileobj=io.BytesIO(push_message(push("/opt/dynia/caddy/key.pem")))) as tar:
        members = tar.getmembers()
    assert members[-1].name == ".dynia/end"
    assert {(m.uid, m.gid) for m in members} == {(0, 0)}
    assert "root/opt/dynia/caddy/key.pem" in {m.name for m in members}


@pytest.mark.parametrize(
    "path", ["relative", "/", "/opt", "/opt/../etc", "/opt//x", "/opt/x/", "/opt/a\nb", "/opt/\x1b"]
)
def test_a_path_that_could_mean_something_else_is_refused(path: str) -> None:
    for message in (
        lambda: push_message(push(path)),
        lambda: push_message(push(delete=(path,))),
        lambda: remove_message(RemoveRequest(component="c", lineage="l", paths=(path,))),
        lambda: observe_message(ObserveRequest(roots=(path,))),
    ):
        with pytest.raises(DyniaError):
            message()


def test_one_push_does_not_name_a_path_and_something_inside_it() -> None:
    with pytest.raises(DyniaError, match="names /opt/a/b and /opt/a/b/c"):
        push_message(push("/opt/a/b/c", delete=("/opt/a/b",)))
    assert push_message(push("/opt/a/b-c", delete=("/opt/a/b",)))


@pytest.mark.parametrize("component", ["", "../x", "a/b/c", "A", "a b", "-x", "a%b"])
def test_a_component_is_one_folder_name(component: str) -> None:
    with pytest.raises(DyniaError):
        component_key(component)
    assert component_key("service/api") == "service%api"


def test_a_drain_names_services_or_the_whole_node_and_no_other_file() -> None:
    assert service_names(("api", WHOLE_NODE)) == ("api", WHOLE_NODE)
    for name in ("_nodes", "../_node", ".api", "Api", ""):
        with pytest.raises(DyniaError):
            service_names((name,))
