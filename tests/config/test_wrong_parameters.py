"""Wrong edits of params.yaml through every entry point: each is one line and exit status 2, whichever section a stage uses."""

import copy
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

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
REMOVED = object()
# The key whose value is replaced, the new value, and what the one line must say.
EDITS: dict[str, tuple[str, Any, str]] = {
    "misspelt top-level key": ("thread", 1, "unknown key in params.yaml 'thread'; .*; did you mean 'threads'"),
    "no profile": ("profile", REMOVED, "params.yaml: missing profile"),
    "profile is a number": ("profile", 2024, r"profile: given 2024 \(a whole number\); expected text"),
    "profile is a path": ("profile", "../x", "profile name: given '../x'"),
    "empty profile": ("profile", None, "profile: given nothing; expected text"),
    "no data": ("data", REMOVED, "params.yaml: missing data"),
    "empty data": ("data", None, "data: given nothing; expected `key: value` entries"),
    "data is text": ("data", "digits", "data: given 'digits'"),
    "data entry is nothing": ("data.digits", None, "data: given .*expected entries with a name, one of celeba"),
    "data without a name": ("data.digits.name", REMOVED, "data: given .*expected entries with a name"),
    "unknown dataset": ("data.digits.name", "digit", "unknown dataset .data.digits.name. 'digit'.*did you mean 'digits'"),
    "key of a dataset": ("data.digits.resolutoin", 16, "unknown key in data.digits 'resolutoin'.*did you mean 'resolution'"),
    "picture size in quotes": ("data.digits.resolution", "16", "data.digits.resolution: given '16'.*write it without quotes"),
    "picture size out of range": (
        "data.digits.resolution",
        1,
        "data.digits: resolution: given 1; expected a number from 8 to 256",
    ),
    "other picture size": ("data.digits.resolution", 32, "generator.resolution is 16, data.digits.resolution is 32"),
    "share of the tests": ("data.digits.test_fraction", True, "data.digits.test_fraction: given True"),
    "data key with a dot": ("data.cifar10", {"name": "digits"}, "evaluate: missing cifar10"),
    "hostile data key": ("data.a;b", {"name": "digits"}, "data name: given 'a;b'"),
    "no features": ("features", REMOVED, "missing features"),
    "empty features": ("features", {}, "features: missing extractor"),
    "unknown extractor": ("features.extractor", "digits-ccn", "features: unknown extractor.*did you mean 'digits-cnn'"),
    "key of features": ("features.wieghts", "x", "unknown key in features 'wieghts'.*did you mean 'weights'"),
    "weights of a committed extractor": ("features.weights", "x", "features: weights: given 'x' for digits-cnn"),
    "random seed below 0": ("features", {"extractor": "inception-v3", "random_seed": -1}, "features: random_seed: given -1"),
    "evaluate is a list": ("evaluate", [1], "evaluate: given .1. .a list."),
    "nothing to evaluate": ("evaluate", {}, "evaluate: missing digits"),
    "evaluates no data": ("evaluate.toys", {"protocols": ["digits-train"]}, "unknown dataset in evaluate 'toys'"),
    "empty evaluate entry": ("evaluate.digits", None, "evaluate.digits: given nothing"),
    "unknown protocol": ("evaluate.digits.protocols", ["digits-trian"], "evaluate.digits: unknown protocol.*did you mean"),
    "no protocol": ("evaluate.digits.protocols", [], "evaluate.digits: protocols: given ..; expected at least one"),
    "protocol of another dataset": ("evaluate.digits.protocols", ["cifar10-10k"], "needs 'cifar10'"),
    "statistics": ("evaluate.digits.statistics", 3, "evaluate.digits.statistics: given 3"),
    "batch of nothing": ("evaluate.digits.batch", 0, "evaluate.digits: batch: given 0"),
    "seeds twice": ("evaluate.digits.seeds", [1, 1], r"evaluate.digits: seeds: given \[1, 1\]; expected .* each once"),
    "no seed": ("evaluate.digits.seeds", [], "evaluate.digits: seeds"),
    "seed below 0": ("evaluate.digits.seeds", [-1], "evaluate.digits: seeds: given"),
    "seed is no list": ("evaluate.digits.seeds", 1, "evaluate.digits.seeds: given 1 .*expected a list such as"),
    "reduced to nothing": ("evaluate.digits.reduced", 0, "evaluate.digits: reduced: given 0; expected at least 8"),
    "reduced below what recall needs": ("evaluate.digits.reduced", 4, "reduced: given 4; expected at least 8"),
    "no thread": ("threads", 0, "threads: given 0; expected a number from 1 to 512"),
    "too many threads": ("threads", 100_000, "threads: given 100000"),
    "threads in quotes": ("threads", "1", "threads: given '1' .text.; expected a whole number; write it without quotes"),
    "threads are true": ("threads", True, "threads: given True .true or false."),
    "empty train": ("train", None, "train: given nothing; expected `key: value` entries"),
    "key of train": ("train.lr", 0.1, "unknown key in train 'lr'"),
    "images in quotes": ("train.nimg", "64", "train.nimg: given '64' .*write it without quotes"),
    "no images": ("train.nimg", 0, "train: nimg: given 0; expected a number"),
    "images not said": ("train.nimg", REMOVED, "cells.table1-13.train: missing nimg"),
    "endless images": ("train.nimg", 10**30, "train.nimg: given 1000"),
    "one beta": ("train.betas", [0.5], "train.betas: given .*a list of 2 entries"),
    "rate is not finite": ("train.lr_g", float("inf"), "train.lr_g: given inf .*a finite number"),
    "unknown augmentation": ("train.augment", ["colour"], r"train.augment\[0\]: unknown value 'colour'.*did you mean 'color'"),
    "unknown engine": ("train.engine", "fast", "train.engine: unknown value 'fast'; expected one of auto"),
    "seed of a run below 0": ("train.seed", -1, "train: seed: given -1"),
    "batch of a run": ("train.batch", 0, "train: batch: given 0"),
    "empty generator": ("generator", None, "generator: given nothing"),
    "no generator": ("generator", REMOVED, "cells.table1-13: generator.resolution is 32"),
    "widths in quotes": ("generator.dims", ["256", 64, 16], r"generator.dims\[0\]: given '256'"),
    "heads": ("generator.num_heads", 3, "generator: given num_heads 3; expected a divisor"),
    "networks of another size": ("generator.base", 8, "cells.table1-13.generator: given resolution 16; expected 32"),
    "key of the discriminator": ("discriminator.encoder_dim", [1], "unknown key in discriminator.*did you mean 'encoder_dims'"),
    "kind of the discriminator": ("discriminator.kind", "conv", "discriminator.kind: given; expected none"),
    "memory of cost": ("cost.memory_gib", 0, "cost: given memory_gib 0"),
    "memory in quotes": ("cost.memory_gib", "3", "cost.memory_gib: given '3'.*without quotes"),
    "network of cost": ("cost.networks", ["g32-lada"], "unknown network in cost.networks 'g32-lada'"),
    "key of cost": ("cost.memory", 3, "unknown key in cost 'memory'; .*did you mean 'memory_gib'"),
    "empty cost": ("cost", None, "cost: given nothing"),
    "row of no table": ("rows.table1-16", ["9:1"], "rows.table1-16: given '9:1'; expected TABLE:ROW of the paper"),
    "row beyond the table": ("rows.table1-16", ["1:99"], "rows.table1-16: given '1:99'"),
    "row 0": ("rows.table1-16", ["1:0"], "rows.table1-16: given '1:0'"),
    "row with a zero before": ("rows.table1-16", ["1:01"], "rows.table1-16: given '1:01'"),
    "row without quotes": ("rows.table1-16", [76], r"rows.table1-16\[0\]: given 76"),
    "row filled twice": ("rows.table1-16", ["1:13"], "given 1:13, which table1-13 fills with the same data and seed"),
    "row twice in one cell": ("rows.table1-16", ["1:16", "1:16"], "given 1:16, which table1-16 fills"),
    "rows of no cell": ("rows.table1-17", [], "unknown cell in rows 'table1-17'; .*did you mean"),
    "rows are text": ("rows.table1-16", "1:16", "rows.table1-16: given '1:16' .*expected a list"),
    "empty cells": ("cells", None, "cells: given nothing; expected `key: value` entries"),
    "no cells": ("cells", REMOVED, "unknown cell in rows"),
    "empty cell": ("cells.table1-16", None, "cells.table1-16: given nothing"),
    "cell without data": ("cells.table1-16.data", REMOVED, "cells.table1-16: missing data; expected keys are data"),
    "cell of unknown data": ("cells.table1-16.data", "digit", "unknown dataset .cells.table1-16.data. 'digit'.*did you mean"),
    "cell name is hostile": ("cells.$(touch P)", {}, r"cell name: given '\$\(touch P\)'"),
    "cell name is a path": ("cells.x/y", {"data": "digits"}, "cell name: given 'x/y'"),
    "rows in a cell": ("cells.table1-16.rows", ["1:16"], "unknown key in cells.table1-16 'rows'"),
    "attention": ("cells.table1-16.attention", "ladda", "cells.table1-16: unknown attention 'ladda'.*did you mean 'lada'"),
    "discriminator": ("cells.table1-16.discriminator", "convv", "unknown discriminator 'convv'"),
    "share of 0": ("cells.table1-16.fraction", 0, "cells.table1-16: fraction: given 0"),
    "settings of a cell are a list": ("cells.table1-16.train", [1], "cells.table1-16.train: given .1. .a list."),
    "key of a cell's train": ("cells.table1-16.train", {"nimgs": 1}, "unknown key in cells.table1-16.train 'nimgs'"),
    "seed of a cell": ("cells.table1-16.seed", 1.5, "cells.table1-16.seed: given 1.5 .a number.; expected a whole number"),
    "negative seed of a cell": ("cells.table1-16.seed", -1, "cells.table1-16.train: seed: given -1"),
    "options of a cell": ("cells.table1-16.discriminator_options", {"kind": "conv"}, "discriminator_options.kind: given"),
}


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
