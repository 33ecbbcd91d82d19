"""A printed table is data in two files. Its description says which records belong to which column."""

import csv
import shutil
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.paper import all_errata, printed_table, printed_tables
from harness.paper import table as paper_table
from harness.records.store import load_store
from harness.report.table_files import render
from harness.report.tables import build_tables
from lada.names import discriminator_id, generator_id

OTHER = """
number: 60
label: Table 2 of ViTGAN
title: Generators of another paper
protocols: {cifar: [cifar10-50k, "*-train"]}
columns:
  flops: {heading: GMAC, quantity: flops, network: "{generator}-{px}", rival: true, tolerance: {flops: 0.1}}
  fid: {heading: FID, quantity: fid, protocols: cifar}
exceptions: {"1": {runs: {fid: ["1:16"]}}}
"""


@pytest.fixture
def another_paper(tmp_path, monkeypatch):
    folder = tmp_path / "paper"
    shutil.copytree(paper_table.FOLDER, folder)
    (folder / "table_vitgan_2.yaml").write_text(OTHER)
    (folder / "table_vitgan_2.csv").write_text("generator,px,flops,fid\nvitgan,64,2.6,4.92\nvitgan,128,,\n")
    monkeypatch.setattr(paper_table, "FOLDER", folder)
    return folder


def test_the_table_of_another_paper_is_two_files(another_paper, digits, add_cost):
    add_cost("vitgan-64", gmacs=2.7, resolution=64)
    store = load_store("digits")
    files = render(store, build_tables(store))
    rows = list(csv.DictReader(files["table_vitgan_2.csv"].splitlines()))
    assert (rows[0]["GMAC, measured"], rows[0]["GMAC, verdict"]) == ("2.7000", "reproduced")
    assert (rows[0]["FID, proxy"], rows[0]["FID, verdict"]) == ("26.0000", "not comparable")
    assert (rows[1]["GMAC, printed"], rows[1]["GMAC, measured"]) == ("-", "not run")
    assert "Table 2 of ViTGAN. Generators of another paper" in files["table_vitgan_2.md"]
    assert r"\input{table_vitgan_2.tex}" in files["all_tables.tex"]
    assert "table_vitgan_2" in files["summary.csv"]


def test_every_name_of_a_network_is_the_one_that_costs_are_recorded_under():
    table = printed_table(1)
    for index, row in enumerate(table.rows, start=1):
        name = generator_id(row["attention"], lee_conv=row["convolution"] == "yes", modulation=row["modulation"] == "yes")
        assert table.network(index, "g_gflops") == name
    table = printed_table(2)
    for index, row in enumerate(table.rows, start=1):
        resolution = int(row["resolution"])
        assert table.network(index, "g_gflops") == generator_id("lada", resolution, row["g_dims"])
        assert table.network(index, "d_gflops") == discriminator_id(row["discriminator"], resolution)
    assert printed_table(5).network(9, "StyleGAN2") == "stylegan2-128"


def test_shared_runs_and_protocols_of_the_five_tables():
    tables = printed_tables()
    assert [len(tables[number].rows) for number in range(1, 6)] == [16, 12, 9, 13, 16]
    assert tables[4].runs(10, "celeba_64_50k") == ["4:10", "2:7"]
    assert tables[4].runs(10, "ffhq_128_50k") == ["4:10"]
    assert tables[5].runs(3, "LadaGAN") == ["5:3", "1:16"]
    assert tables[2].patterns(12, "fid") == ("lsun128-50k", "*-train")
    assert tables[3].patterns(4, "fid_10k") == ("cifar10-10k", "*-test")
    assert tables[5].quantity(3, "CT") == "images_seen"


# What was found in the authors' published code, configuration and checkpoints: {entry: what its statement must say}
FOUND_IN_CODE = {
    "generator-loss": ("Equation 14, the discriminator's loss", "equation 15 is the generator's"),
    "published-configuration": ("bCR off and no cutout",),
    "published-checkpoint": ("best FID", "2,500 images", "last weights"),
    "ema-start": ("random weights of its own",),
    "data-loader": ("squashes whole pictures", "unless they were prepared beforehand"),
    "r1-layer-norm": ("stops at the mean", "0.8%"),
}


@pytest.mark.parametrize("entry", FOUND_IN_CODE)
def test_what_differs_in_the_published_code_is_an_erratum(entry):
    (statement,) = {found["statement"] for found in all_errata() if found["id"] == entry}
    assert all(words in statement for words in FOUND_IN_CODE[entry])


def test_every_erratum_touches_a_figure_that_is_there():
    ledger = all_errata()
    assert len({entry["id"] for entry in ledger}) == len(ledger)
    for entry in ledger:
        table = printed_tables()[int(entry["table"])]
        rows = entry["rows"].split() if entry["rows"] != "*" else []
        columns = entry["columns"].split() if entry["columns"] != "*" else []
        assert all(1 <= int(row) <= len(table.rows) for row in rows), entry["id"]
        assert set(columns) <= table.rows[0].keys(), entry["id"]
        assert entry["statement"], entry["source"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("number: 60\nlabel: x\n", "not a printed table"),
        ("number: 1\nlabel: x\ntitle: x\ncolumns: {fid: {heading: FID, quantity: fid}}\n", "same number"),
        ("number: 60\nlabel: x\ntitle: x\ncolumns: {gone: {heading: FID, quantity: fid}}\n", "column gone is not in"),
        ("[1, 2]", "not a printed table"),
    ],
)
def test_a_description_that_does_not_fit_is_one_error(another_paper, text, message):
    (another_paper / "table_vitgan_2.yaml").write_text(text)
    (another_paper / "table_vitgan_2.csv").write_text("fid\n1.0\n")
    paper_table._tables.cache_clear()
    with pytest.raises(HarnessError, match=message):
        printed_tables()
    paper_table._tables.cache_clear()


def test_no_table_is_named_in_the_code_of_the_tables():
    code = Path(paper_table.__file__).parents[1] / "report"
    for name in ("table_cells", "table_files", "tables", "formats", "rivals", "score_cells", "cost_cells"):
        text = (code / f"{name}.py").read_text()
        assert "printed_table(" not in text
        assert "lada" not in text.lower().replace("ladagan", "")
