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
from harness.report.pictures import Linked
from harness.report.table_files import render, render_measured, render_repeating, write_files
from harness.report.tables import build_tables
from harness.verify.checks import check_profile


def write_report(store):
    tables = build_tables(store)
    repeating, measured = (write_files(store, part(store, tables)) for part in (render_repeating, render_measured))
    write_manifest(store, repeating, measured)


@pytest.fixture
def reported(digits):
    store = load_store("digits")
    write_report(store)
    assert check_profile("digits")[0] == []
    return digits


def flip_a_digit(path, share=0.0):
    """Changes one digit of a file into another: the first, or the one so far into the file."""
    text = path.read_text()
    places = [match.start() for match in re.finditer(r"\d", text)]
    at = places[int(share * (len(places) - 1))]
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])


@pytest.mark.parametrize(
    "name",
    [
        "table_1.csv",
        "table_1.md",
        "table_3.tex",
        "table_5.csv",
        "costs.csv",
        "summary.csv",
        "manifest.json",
        "manifest_measured.json",
    ],
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


PARAMS = """
profile: digits
train: {nimg: 3200, lr_g: 0.0002}
cells:
  a: {data: digits, attention: lada, discriminator: lada}
  b: {data: digits, attention: lada, discriminator: lada, train: {nimg: 6400}}
rows: {a: ["1:1"], b: ["1:2"]}
"""


def test_a_picture_that_dvc_keeps_may_be_missing_but_not_altered(reported):
    picture = reported / "samples/t1-02.png"
    picture.with_name(".gitignore").write_text(f"/{picture.name}\n")
    content = picture.read_bytes()
    picture.unlink()
    assert check_profile("digits")[0] == []
    picture.write_bytes(content + b" ")
    assert [problem for problem in check_profile("digits")[0] if picture.name in problem]


def test_a_mixture_of_settings_is_found_and_told(add_score):
    Path("pipelines/digits").mkdir(parents=True)
    Path("pipelines/digits/params.yaml").write_text(PARAMS)
    config = {"attention": "lada", "discriminator_attention": "lada", "data": "digits", "train": {"nimg": 3200, "lr_g": 2e-4}}
    for cell, rows in {"a": ["1:1"], "b": ["1:3"], "c": []}.items():
        add_score(cell, rows, config=config)
    store = load_store("digits")
    assert store.mixture() == {
        "b": ["train.nimg 3200, params.yaml asks for 6400", "rows 1:3, params.yaml asks for 1:2"],
        "c": ["params.yaml has no such cell"],
    }
    write_report(store)
    problems = check_profile("digits")[0]
    assert len(problems) == 2
    assert all("not what params.yaml asks for" in problem for problem in problems)


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


@pytest.mark.slow
def test_500_records_are_reported_in_time(add_score):
    record = add_score("cell-0", ["1:1"])
    for seed in range(1, 500):
        path = Path(f"results/digits/records/cell-{seed}.json")
        changes = {"cell": f"cell-{seed}", "seed": seed, "rows": [f"1:{seed % 16 + 1}"]}
        write_record(path, record.model_copy(update=changes))
    start = process_time()  # not wall time, which other processes stretch
    store = load_store("digits")
    tables = build_tables(store)
    write_files(store, render(store, tables))
    page = render_page(store, tables, draw_figures(store).repeating, Linked(store.folder))
    assert process_time() - start < 20
    assert len(page) < 5_000_000
