import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.paper import printed_tables
from harness.records.store import load_store
from harness.report.__main__ import report
from harness.report.formats import heading
from harness.report.table_files import render, write_files
from harness.report.tables import build_tables


def read(number, folder=Path("results/digits")):
    with (folder / "tables" / f"table_{number}.csv").open() as handle:
        return list(csv.DictReader(handle))


def build(profile="digits"):
    store = load_store(profile)
    write_files(store, render(store, build_tables(store)))


def test_every_printed_column_is_kept_under_the_pages_heading_and_nothing_is_blank(digits):
    build()
    for number, table in printed_tables().items():
        rows, printed = read(number), table.rows
        names = {column: heading(column, [], table) for column in printed[0]}
        figures = [names[column] for column in table.columns]
        shown = {column: f"{name}, printed" if column in table.columns else name for column, name in names.items()}
        assert len(set(names.values())) == len(names)  # two columns of one name would be one
        assert len(rows) == len(printed)
        for row, source in zip(rows, printed, strict=True):
            assert {column: row[shown[column]] for column in source} == source
            assert {f"{name}, measured" for name in figures} | {f"{name}, verdict" for name in figures} <= set(row)
            assert all(row.values())


def test_page_markdown_and_csv_use_the_same_words_for_the_flags(digits):
    build()
    words = ["D", "LEE conv", "MLP res.", "SLN"]
    markdown = Path("results/digits/tables/table_1.md").read_text()
    assert all(f"| {word} |" in markdown for word in words)
    assert set(words) <= set(read(1)[0])
    assert f"| {' | '.join(words)} |" in (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_proxies_never_become_measurements_nor_verdicts(digits):
    build()
    row = read(1)[15]
    assert row["FID, measured"] == "not run"
    assert row["FID, proxy"] == "26.0000"
    assert row["FID, verdict"] == "not comparable"
    assert read(3)[3]["FID 10k, proxy"] == "28.0000"
    assert read(4)[9]["CIFAR-10 32 (50k), proxy"] == "26.0000"
    assert read(4)[9]["CelebA 64 (19k), measured"] == "not run"


def test_costs_carry_a_verdict_on_every_profile(digits):
    build()
    rows = read(1)
    assert (rows[15]["G GMAC, measured"], rows[15]["G GMAC, verdict"]) == ("0.7500", "reproduced")
    assert (rows[0]["G GMAC, measured"], rows[0]["G GMAC, verdict"]) == ("not run", "not run")  # no record


def test_a_diverged_run_says_so(digits):
    build()
    row = read(1)[8]
    assert (row["FID, proxy"], row["FID, verdict"], row["FID, interval"]) == ("diverged", "diverged", "diverged")


def test_scores_at_paper_level_are_measured_over_all_seeds(add_score):
    for seed, value in enumerate((3.28, 3.29, 3.31)):
        metrics = {"cifar10-50k": {"fid": value, "is": 9.66}}
        add_score(f"lada-s{seed}", ["1:16"], profile="paper", level="paper", seed=seed, metrics=metrics)
    build("paper")
    row = read(1, Path("results/paper"))[15]
    assert (row["FID, measured"], row["FID, verdict"], row["seeds"]) == ("3.2933", "reproduced", "3")
    assert row["FID, proxy"] == "not run"
    assert row["records"] == "lada-s0 lada-s1 lada-s2"
    assert "3.29 / 3.29 (3.27 to 3.32, 3 seeds) ✓" in Path("results/paper/tables/table_1.md").read_text()


def test_a_seed_that_diverged_is_not_dropped(add_score):
    metrics = {"cifar10-50k": {"fid": 3.29}}
    add_score("s0", ["1:16"], profile="paper", level="paper", metrics=metrics)
    add_score("s1", ["1:16"], profile="paper", level="paper", metrics={}, status="diverged", diverged_step=5)
    add_score("r9", ["1:9"], profile="paper", level="paper", metrics={}, status="diverged", diverged_step=5)
    build("paper")
    rows = read(1, Path("results/paper"))
    assert (rows[15]["FID, measured"], rows[15]["FID, verdict"]) == ("diverged", "diverged")
    assert (rows[8]["FID, measured"], rows[8]["FID, verdict"]) == ("diverged", "reproduced")


def test_summary_and_notes_are_in_the_text_forms(digits):
    build()
    text = (digits / "tables/table_1.md").read_text()
    assert "16 of 16 cells" in text
    assert "digits-cnn" in text
    assert "does not say whether Lada-Swin keeps the output projection" in text
    assert "16 of 16 cells" in (digits / "tables/table_1.tex").read_text()
    assert r"fid\_" not in (digits / "tables/table_1.tex").read_text()


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_pdflatex_compiles_every_table(digits, add_cost):
    add_cost("odd", title="50% of A&B_C {x} #1 ~ ^ \\\\ $2 é ∞ <>")
    build()
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all_tables.tex"]
    done = subprocess.run(command, cwd=digits / "tables", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1500:]


def test_own_experiments_get_a_table(digits, add_score):
    add_score("mine", value=7.0, config={"attention": "mine", "discriminator_attention": "lada"})
    build()
    rows = read("own")
    assert (rows[1]["row"], rows[1]["attention"], rows[1]["FID, proxy"]) == ("mine", "mine", "7.0000")
    assert rows[1]["G GMAC, measured"] == "0.7500"
    assert (rows[0]["row"], rows[0]["FID, proxy"]) == ("LadaGAN (Table I, row 16)", "26.0000")  # to compare with
    assert (rows[1]["LEE conv"], rows[1]["SLN"]) == ("-", "-")  # what its record does not say


@pytest.mark.slow
def test_the_same_records_give_the_same_bytes(digits):
    def state():
        return {path: path.read_bytes() for folder in ("tables", "figures") for path in sorted((digits / folder).iterdir())}

    report("digits")
    first = state()
    assert {"figure_5a.svg", "figure_5c.png", "score_against_macs.svg", "data_efficiency.svg"} <= {path.name for path in first}
    report("digits")
    assert state() == first


def test_a_few_cells_are_enough(add_score):
    add_score("only", ["1:13"])
    report("digits")
    assert sum(row["FID, proxy"] != "not run" for row in read(1)) == 1
    assert "1 of 16 cells" in Path("results/digits/tables/table_1.md").read_text()


def test_a_corrupt_record_stops_the_report_with_one_line(digits):
    (digits / "records/t1-03.json").write_text("{")
    command = [sys.executable, "-m", "harness.report"]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(root), "PATH": ""}, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "t1-03.json" in done.stderr
    assert not (digits / "tables").exists()


def test_a_record_in_the_wrong_place_is_refused(digits):
    (digits / "records/t1-01.json").rename(digits / "records/t1-99.json")
    with pytest.raises(HarnessError, match=r"t1-01\.json"):
        load_store("digits")


def test_no_records_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarnessError, match="no records"):
        load_store("digits")


def test_rendering_reads_nothing_but_the_store(digits):
    store = load_store("digits")
    assert render(store, build_tables(store)) == render(store, build_tables(store))
