"""Wrong edits of params.yaml through every entry point: each is one line and exit status 2, whichever section a stage uses."""

import copy
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from wrong_edits import EDITS, REMOVED

from harness.config import load_params
from harness.errors import HarnessError, run_command
from harness.report.__main__ import main as report
from pipelines import anchors, cost, evaluate, extractor, prepare, train
from pipelines.commands import plan, sweep
from pipelines.profile import load_profile

ROOT = Path(__file__).resolve().parents[2]
PARAMS = "pipelines/wrong/params.yaml"
ENTRY_POINTS: dict[str, tuple[Callable[[list[str]], None], list[str]]] = {
    "prepare": (prepare.main, ["--params", PARAMS]),
    "extractor": (extractor.main, ["--params", PARAMS]),
    "anchors": (anchors.main, ["--params", PARAMS, "--data", "digits"]),
    "train": (train.main, ["--params", PARAMS, "--cell", "table1-16"]),
    "evaluate": (evaluate.main, ["--params", PARAMS, "--cell", "table1-16"]),
    "plan": (plan.main, ["--params", PARAMS, "--untimed"]),
    "cost": (cost.main, ["--params", PARAMS]),
    "sweep": (sweep.main, ["--profile", "wrong"]),
}
CELLS = ("table1-13", "table1-16", "table3-05")


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    """The digits profile with three cells."""
    params = load_params(ROOT / "pipelines/digits/params.yaml")
    return params | {part: {name: params[part][name] for name in CELLS} for part in ("rows", "cells")}


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / PARAMS).parent.mkdir(parents=True)
    return tmp_path


def edited(base: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """`base` with one dotted key replaced or removed."""
    params = copy.deepcopy(base)
    *groups, last = key.split(".")
    target = params
    for group in groups:
        target = target[group]
    if value is REMOVED:
        del target[last]
    else:
        target[last] = value
    return params


def write(params: object, path: str | Path = PARAMS) -> None:
    with Path(path).open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)


def one_line(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What an entry point says on stderr, which must be one line, nothing having been written."""
    main, words = ENTRY_POINTS[name]
    with pytest.raises(SystemExit) as left:
        run_command(lambda: main(words))
    said = capsys.readouterr()
    assert left.value.code == 2, name
    assert said.err.startswith("error: "), name
    assert said.err.count("\n") == 1, name
    assert len(said.err) < 1500, name
    assert [path for path in Path().rglob("*") if path.is_file()] == [Path(PARAMS)], name
    return said.err


@pytest.mark.parametrize("edit", EDITS)
def test_a_wrong_edit_is_one_line_from_every_entry_point(here, base, edit, capsys):
    key, value, message = EDITS[edit]
    write(edited(base, key, value))
    said = {name: one_line(name, capsys) for name in ENTRY_POINTS}
    assert len(set(said.values())) == 1, said
    assert re.search(message, said["train"]), said["train"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds nothing"),
        ("- 1\n", "holds [1] (a list)"),
        ("profile: digits\nprofile: x\n", "duplicate key"),
        ("profile: digits\ndata: {digits: {name: digits}}\ncells: {2024-01-01: {data: digits}}\n", "given the key datetime.date"),
        ("profile: digits\ndata: {digits: {name: digits}}\ncells: {16: {data: digits}}\n", "given the key 16"),
        ("profile: digits\ndata: {digits: {name: digits, seed: 2024-01-01}}\n", "data.digits.seed: given datetime.date"),
        ("profile: [\n", "is not valid YAML"),
        ("profile: digits\ndata: &a {a: *a}\n", "or in themselves"),
        (
            "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)),
            "aliases included",
        ),
        ("profile: " + "9" * 5000, "is not valid YAML"),
        ("profile: \xff", "missing data"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_one_line(here, text, message, capsys):
    Path(PARAMS).write_text(text, encoding="utf-8")
    said = {one_line(name, capsys) for name in ENTRY_POINTS}
    assert len(said) == 1
    assert message in said.pop()


def test_a_file_that_is_no_text_is_one_line(here, capsys):
    Path(PARAMS).write_bytes(b"profile: \xff\xfe")
    assert {"is not valid YAML" in one_line(name, capsys) for name in ENTRY_POINTS} == {True}


def test_a_missing_file_is_one_line(here, capsys):
    for name, (main, words) in ENTRY_POINTS.items():
        with pytest.raises(SystemExit) as left:
            run_command(lambda main=main, words=words: main(words))
        assert left.value.code == 2, name
        assert capsys.readouterr().err == f"error: no parameters file at {PARAMS}; expected a YAML file; correct the path\n"


def test_the_report_needs_no_parameters(here, monkeypatch, capsys):
    Path(PARAMS).write_text("profile: [")
    monkeypatch.setattr("sys.argv", ["report", "--profile", "wrong"])
    with pytest.raises(SystemExit) as left:
        run_command(report)
    said = capsys.readouterr().err
    assert (left.value.code, said.count("\n")) == (2, 1)
    assert "records" in said


VALUES = [None, True, 0, -1, 1, 3, 10**18, 10**400, 0.5, -0.0, 1e308, "", "x", "1", "a" * 5000, [], [[]], [1], {}, {"a": {}}]


def test_any_value_anywhere_is_taken_or_one_line(here, base):
    """Every value of the file replaced by every kind of value, drawn with one seed."""
    places, draw = list(leaves(base)), random.Random(0)
    for _ in range(100):
        params = copy.deepcopy(base)
        *groups, last = draw.choice(places)
        target = params
        for group in groups:
            target = target[group]
        target[last] = draw.choice(VALUES)
        write(params)
        try:
            load_profile(PARAMS)
        except HarnessError as error:
            assert len(str(error)) < 1500  # noqa: PT017


def leaves(value: object, path: tuple = ()) -> list[tuple]:
    """The paths of all values below `value`, mappings and lists themselves included."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ([path] if path else []) + [found for key, entry in items for found in leaves(entry, (*path, key))]
