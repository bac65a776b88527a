"""`dynia validate` and `dynia schema` from the outside: what is printed, and the exit code."""

from __future__ import annotations

import json
import pathlib

import jsonschema
import pytest

from dynia.interfaces.cli import run
from tests.bad_input.desired_cases import GOOD


@pytest.fixture
def project(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DYNIA_FILE", raising=False)
    return tmp_path


def test_a_good_file_is_one_line(project: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate"]) == 0
    assert capsys.readouterr().out == "clusters.yaml: 1 cluster, 1 service, no mistakes.\n"


def test_the_file_is_found_from_a_folder_below(
    project: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    assert run(["validate"]) == 0
    assert capsys.readouterr().out.startswith("../clusters.yaml: ")


def test_a_wrong_file_exits_with_1_and_shows_line_and_place(
    project: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = GOOD["clusters.yaml"].replace("{max_unavailable: 1}", "{max_unavailable: 3, canary: true}")
    (project / "clusters.yaml").write_text(text)
    assert run(["validate", "-f", "clusters.yaml"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[:3] == [
        "clusters.yaml:8:32  clusters.prod.rollout.max_unavailable: 3 of 3 nodes would",
        "  leave none serving",
        "   8 |     rollout: {max_unavailable: 3, canary: true}",
    ]
    assert shown.err.splitlines()[3].endswith("^ use 1 or 2, or add nodes")


def test_a_mistake_in_a_compose_file_names_that_file(
    project: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "compose.yaml").write_text("services: {web: {image: 'a:${TAG}', expose: [1]}}\n")
    assert run(["validate"]) == 1
    assert capsys.readouterr().err.startswith("compose.yaml:1:28  services.web.image: ")


def test_no_file_exits_with_1(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DYNIA_FILE", raising=False)
    assert run(["validate"]) == 1
    assert "no clusters.yaml" in capsys.readouterr().err


def test_the_schema_that_is_printed_is_a_schema(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["schema"]) == 0
    printed = json.loads(capsysbinary.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed["required"] == ["clusters"]
