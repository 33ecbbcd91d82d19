"""Results that repeat and measurements are in different files. Another machine's times change only files with times."""

import json
from pathlib import Path

import pytest

from harness.records.measured import Throughput
from harness.records.parts import Rate
from harness.records.record import read_as, write_record
from harness.records.store import load_store
from harness.report.__main__ import report
from harness.report.manifest import MEASURED, REPEATS
from harness.report.table_files import render
from harness.report.tables import build_tables, headline

PARAMS = """profile: digits
train: {nimg: 6400}
generator: {}
discriminator: {}
cells:
  t1-01: {data: digits, attention: swin, discriminator: conv}
"""


def state(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
def test_another_machines_time_changes_only_files_that_print_time(digits):
    report("digits")
    before = state(digits)
    path = digits / "throughput/g32-lada-conv.json"
    slower = {"1": Rate(median=7.0, low=6.0, high=8.0)}
    write_record(path, read_as(Throughput, path).model_copy(update={"rates": slower}))
    report("digits")
    changed = {name for name, content in state(digits).items() if before.get(name) != content}
    allowed = {"report.html", MEASURED, "throughput/g32-lada-conv.json", "figures/score_against_time.svg"}
    allowed |= {"figures/score_against_time.png"}
    allowed |= {f"figures/throughput_against_resolution.{suffix}" for suffix in ("svg", "png")}
    allowed |= {f"tables/{name}.{suffix}" for name in ("table_5", "costs", "rivals") for suffix in ("csv", "md", "tex")}
    assert {"tables/costs.csv", "figures/score_against_time.svg", "report.html"} <= changed <= allowed


@pytest.mark.slow
def test_each_file_of_a_report_stands_in_one_manifest(digits):
    report("digits")
    repeating, measured = (json.loads((digits / name).read_text()) for name in (REPEATS, MEASURED))
    written = {f"{folder}/{path.name}" for folder in ("tables", "figures") for path in (digits / folder).iterdir()}
    assert repeating["files"].keys() | measured["files"].keys() == written - {REPEATS, MEASURED} | {"report.html"}
    assert not repeating["files"].keys() & measured["files"].keys()
    assert {name.split("/")[0] for name in repeating["records"]} == {"records", "costs"}
    assert {name.split("/")[0] for name in measured["records"]} == {"measured", "throughput"}


def test_the_headline_says_what_the_counts_are_counts_of(digits):
    store = load_store("digits")
    text = headline(build_tables(store))
    assert text.endswith("; scores: none comparable in this profile")
    assert text.startswith("19 costs reproduced, 0 differ")


def test_the_headline_of_comparable_scores(add_score):
    for seed, value in enumerate((3.28, 3.29, 3.31)):
        add_score(f"s{seed}", ["1:16"], profile="paper", level="paper", seed=seed, metrics={"cifar10-50k": {"fid": value}})
    assert headline(build_tables(load_store("paper"))) == "0 costs reproduced, 0 differ; scores: 2 reproduced"  # I and IV


def test_a_run_that_is_not_what_params_yaml_asks_for_never_stands_unmarked(digits):
    Path("pipelines/digits").mkdir(parents=True)
    Path("pipelines/digits/params.yaml").write_text(PARAMS)
    store = load_store("digits")
    files = render(store, build_tables(store))
    assert "3,200 images seen, 1 seed ‡" in files["table_1.md"]
    assert "is not what params.yaml asks for now" in files["table_1.md"]
    assert "train.nimg 3200, params.yaml asks for 6400" in files["table_1.csv"]
    assert r"3,200 images seen, 1 seed $\ddagger$" in files["table_1.tex"]


def test_rows_say_what_ran(add_score):
    config = {"generator": {"resolution": 16, "dims": [256, 64, 32]}, "train": {"nimg": 3200}}
    add_score("a", ["2:2"], config=config, data={"name": "digits", "sha256": "a" * 64, "train_count": 144, "fraction": 0.1})
    store = load_store("digits")
    text = render(store, build_tables(store))["table_2.md"]
    assert "digits 16 px, G 256-64-32, 10% of the images, 3,200 images seen, 1 seed" in text
    assert "0.5954 prints as 0.5" in text
