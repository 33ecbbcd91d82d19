"""Rivals in the tables."""

import csv
from pathlib import Path

from harness.records.store import load_store
from harness.report.__main__ import report
from harness.report.table_files import render, write_files
from harness.report.tables import build_tables

MACS = ("true", "fvcore", "torch_meta", "closed_form", "printed_convention")


def read(number, folder=Path("results/digits")):
    with (folder / "tables" / f"table_{number}.csv").open() as handle:
        return list(csv.DictReader(handle))


def build(profile="digits"):
    store = load_store(profile)
    write_files(store, render(store, build_tables(store)))


def test_table_5_takes_rivals_from_cost_records(add_cost):
    add_cost("g32-lada-conv")
    add_cost("adm-ip-128", gmacs=391.04, params=542_811_398)
    add_cost("vitgan-64", gmacs=2.623, params=16_660_000)
    build()
    rows = {(row["px"], row["quantity"]): row for row in read(5)}
    assert rows["32", "params"]["LadaGAN, measured"] == "19.9016"
    assert rows["32", "flops"]["LadaGAN, verdict"] == "reproduced"
    assert rows["32", "throughput"]["LadaGAN, measured"] == "90.0000"
    assert rows["32", "throughput"]["LadaGAN, verdict"] == "not comparable"
    assert rows["128", "params"]["ADM-IP, verdict"] == "reproduced"
    assert rows["64", "params"]["ViTGAN, verdict"] == "differs"
    assert rows["64", "flops"]["ViTGAN, verdict"] == "reproduced"
    assert rows["32", "images_seen"]["LadaGAN, measured"] == "not run"


def test_a_rival_without_a_configuration_says_so(add_cost):
    nothing = {"params": None, "note": "published at 32 pixels only"}
    add_cost("ct-128", **nothing, macs=dict.fromkeys(MACS), resolution=128, steps_per_image=2)
    build()
    rows = {(row["px"], row["quantity"]): row for row in read(5)}
    for quantity in ("params", "flops", "throughput"):
        row = rows["128", quantity]
        assert (row["CT, measured"], row["CT, verdict"], row["records"]) == ("no configuration", "no configuration", "ct-128")
    assert (rows["128", "images_seen"]["CT, measured"], rows["64", "params"]["CT, measured"]) == ("not run", "not run")
    text = Path("results/digits/tables/table_5.md").read_text()
    assert "0 of 80 figures measured" in text
    assert "- no configuration: CT was published at 32, 64 and 256 pixels only" in text
    summary = Path("results/digits/tables/summary.csv").read_text().splitlines()
    assert dict(zip(summary[0].split(","), summary[5].split(","), strict=True))["no configuration"] == "3"
    with Path("results/digits/tables/costs.csv").open() as handle:
        assert next(csv.DictReader(handle))["GMAC"] == "no configuration"
    assert '<span class="fig notrun">' in (page := report_page())
    assert 'class="fig noconfiguration" popovertarget="p-ct-128"' in page


def report_page():
    report("digits")
    return Path("results/digits/report.html").read_text()


def test_every_rival_has_its_row_with_printed_figure_source_and_verdict(add_cost):
    add_cost("g32-lada-conv")
    add_cost("d32-conv")
    add_cost("vitgan-64", gmacs=2.623, params=16_660_000, resolution=64, source="arXiv 2107.04589")
    add_cost("adm-ip-64", gmacs=103.51, params=295_136_454, resolution=64, steps_per_image=80)
    add_cost("gat-s-256", gmacs=6.0, params=29_000_000, resolution=256)
    build()
    with Path("results/digits/tables/rivals.csv").open() as handle:
        adm_ip, vitgan, gat = csv.DictReader(handle)
    assert adm_ip | {"steps per image": "80", "params M, printed": "295", "params M, verdict": "reproduced"} == adm_ip
    assert adm_ip | {"GMAC as printed, printed": "103.5", "GMAC true": "103.5100", "images/s, measured": "1.1250"} == adm_ip
    assert adm_ip | {"images/s, printed": "0.50", "images/s, verdict": "not comparable", "peak MiB": "954"} == adm_ip
    assert adm_ip["printed by"] == "arXiv 2401.09596"
    assert vitgan | {"params M, printed": "38", "params M, measured": "16.6600", "params M, verdict": "differs"} == vitgan
    assert (vitgan["GMAC as printed, verdict"], vitgan["built from"]) == ("reproduced", "arXiv 2107.04589")
    assert vitgan["printed by"] == "reference 11 of arXiv 2401.09596 (ViTGAN)"
    assert gat | {"params M, printed": "-", "params M, verdict": "-", "printed by": "-", "record": "gat-s-256"} == gat
