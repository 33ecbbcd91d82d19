import json
import re
from pathlib import Path
from time import process_time

import pytest

from harness.files import digest
from harness.records.record import write_record
from harness.records.store import load_store
from harness.report.figures import draw_figures
from harness.report.manifest import write_manifest
from harness.report.page import render_page
from harness.report.tables import build_tables, write_tables
from harness.verify.checks import check_profile


@pytest.fixture
def reported(digits):
    store = load_store("digits")
    write_manifest(store, write_tables(store, build_tables(store)))
    assert check_profile("digits")[0] == []
    return digits


def flip_a_digit(path, share=0.0):
    """Changes one digit of a file into another: the first, or the one so far into the file."""
    text = path.read_text()
    places = [match.start() for match in re.finditer(r"\d", text)]
    at = places[int(share * (len(places) - 1))]
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])


@pytest.mark.parametrize(
    "name", ["table_1.csv", "table_1.md", "table_3.tex", "table_5.csv", "costs.csv", "summary.csv", "manifest.json"]
)
@pytest.mark.parametrize("share", [0, 0.4, 1])
def test_one_flipped_digit_in_a_table_is_found(reported, name, share):
    flip_a_digit(reported / "tables" / name, share)
    assert check_profile("digits")[0]


def test_one_flipped_digit_in_a_record_is_found(reported):
    path = reported / "records/t1-16.json"
    sound = path.read_text()
    for step in range(21):
        flip_a_digit(path, step / 20)
        problems, _ = check_profile("digits")
        assert any("t1-16.json" in problem for problem in problems), step
        path.write_text(sound)


def test_a_record_altered_with_its_digest_is_found(reported):
    path = reported / "costs/g32-lada-conv.json"
    record = json.loads(path.read_text())
    record["params"] += 1_000_000
    record["digest"] = digest({name: value for name, value in record.items() if name != "digest"})
    path.write_text(json.dumps(record))
    problems, _ = check_profile("digits")
    assert any("costs.csv" in problem for problem in problems)
    assert any("not the record that the report was made from" in problem for problem in problems)


def test_an_altered_or_missing_artefact_is_found(reported):
    flip_a_digit(reported / "curves/t1-01.csv")
    (reported / "samples/t1-02.png").unlink()
    problems, _ = check_profile("digits")
    assert any("t1-01.csv" in problem for problem in problems)
    assert any("t1-02.png" in problem for problem in problems)


def test_weights_and_data_that_are_here_are_checked(reported):
    weights = reported / "runs/t1-01/g_ema.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"other weights")
    manifest = reported / "data/digits/manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"splits": {"train": {"sha256": "a" * 64}}}))
    problems, counts = check_profile("digits")
    assert counts["weights"] == 1
    assert counts["datasets"] == 21
    assert len(problems) == 1
    assert "not the weights" in problems[0]


def test_a_removed_record_and_a_stray_table_are_found(reported):
    (reported / "records/t1-05.json").unlink()
    (reported / "tables/table_6.csv").write_text("a,b\n")
    problems, _ = check_profile("digits")
    assert any("t1-05.json" in problem for problem in problems)
    assert any("table_6.csv: not part of the report" in problem for problem in problems)


def test_a_difference_is_shown_where_it_is(reported):
    path = reported / "tables/table_1.csv"
    path.write_text(path.read_text().replace("26.0000", "3.2900"))
    problems, _ = check_profile("digits")
    assert any("line 16" in problem and "3.2900" in problem for problem in problems)


def test_500_records_are_reported_in_time(add_score):
    record = add_score("cell-0", ["1:1"])
    for seed in range(1, 500):
        path = Path(f"results/digits/records/cell-{seed}.json")
        changes = {"cell": f"cell-{seed}", "seed": seed, "rows": [f"1:{seed % 16 + 1}"]}
        write_record(path, record.model_copy(update=changes))
    start = process_time()  # not wall time, which other processes stretch
    store = load_store("digits")
    tables = build_tables(store)
    write_tables(store, tables)
    page = render_page(store, tables, draw_figures(store))
    assert process_time() - start < 20
    assert len(page) < 5_000_000
