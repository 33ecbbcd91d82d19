"""Figures of published weights: beside the trained ones, never instead of them, with a verdict for one fixed network."""

import math
from pathlib import Path

import numpy as np
import pytest

from harness.images import image_grid
from harness.records.store import load_store
from harness.report.page import render_page
from harness.report.table_files import csv_rows, render, to_markdown
from harness.report.tables import build_tables, headline
from harness.report.verdicts import draw_interval, published_verdict
from harness.verify.checks import check_profile


def figure(number, row, column):
    return build_tables(load_store("published"))[number - 1].rows[row - 1][1][column]


@pytest.mark.parametrize(
    ("points", "belongs", "verdict"),
    [
        ([3.28, 3.30, 3.32], True, "reproduced"),
        ([3.28, 3.30, 3.32], False, "another checkpoint"),
        ([3.29], True, "inconclusive"),  # one draw says nothing about the spread
        ([3.20, 3.29, 3.38], True, "inconclusive"),  # the mean is right, but a further draw may lie anywhere
        ([4.00, 4.01, 4.02], True, "differs"),
        ([2.00, 2.01, 2.02], True, "differs"),  # better is different, too
    ],
)
def test_a_further_draw_must_lie_inside_the_margin(points, belongs, verdict):
    assert published_verdict(points, "3.29", "fid", belongs) == verdict
    assert published_verdict(points, "-", "fid", belongs) == "-"


def test_the_interval_of_a_further_draw_is_students():
    low, high = draw_interval([1.0, 2.0, 3.0])  # t(0.95, 2) = 2.919986, sd 1
    assert (low, high) == (pytest.approx(2 - 2.919986 * math.sqrt(4 / 3)), pytest.approx(2 + 2.919986 * math.sqrt(4 / 3)))
    assert draw_interval([1.0]) == (-math.inf, math.inf)


def test_published_weights_stand_beside_and_never_instead(add_published, add_score):
    add_published()
    add_score("table1-16", ["1:16", "2:3"], profile="published", level="none")
    cell = figure(2, 3, "fid")
    assert (cell.printed, cell.verdict, cell.published.verdict) == ("3.29", "not comparable", "reproduced")
    assert cell.records == ("table1-16",)
    assert cell.published.records == ("cifar10",)
    assert cell.published.value == pytest.approx(3.30)
    assert figure(2, 4, "fid").published is None
    assert figure(3, 4, "fid_50k").published.verdict == "reproduced"
    assert figure(5, 3, "LadaGAN").published.verdict == "reproduced"
    assert figure(5, 3, "LadaGAN").published.value == pytest.approx(68.096)
    table = build_tables(load_store("published"))[1]
    assert "3.29 / 20.00 n.c.; published weights 3.30 (3.23 to 3.37, 3 draws) ✓" in to_markdown(table, load_store("published"))
    assert "published weights: 5 reproduced" in table.summary
    row = csv_rows(table, load_store("published"))[2]
    assert (row["FID, verdict"], row["FID, published weights, verdict"]) == ("not comparable", "reproduced")
    assert row["FID, published weights"] == "3.3000"
    assert row["FID, published weights, interval"] == "3.2326 to 3.3674"
    assert "published weights: 6 reproduced" in headline(build_tables(load_store("published")))


def test_a_profile_without_published_weights_has_no_column_for_them(add_score):
    add_score("table1-16", ["1:16", "2:3"])
    store = load_store("digits")
    texts = render(store, build_tables(store)).values()
    assert not any("published weights" in text for text in texts)


def test_a_checkpoint_that_does_not_belong_has_no_other_verdict(add_published):
    line = "the checkpoint saw 24.06 million images, Table V, row 11 prints 53; see the errata"
    fields = {"images_seen": 24064000, "mismatch": [line], "protocol": "ffhq-50k", "rows": ["4:10", "5:11"]}
    add_published("ffhq_128", (4.40, 4.48, 4.50), **fields)
    assert figure(4, 10, "ffhq_128_50k").published.verdict == "another checkpoint"
    assert figure(5, 11, "LadaGAN").published.verdict == "another checkpoint"
    store = load_store("published")
    text = to_markdown(build_tables(store)[3], store)
    assert "published weights 4.46" in text
    assert "another checkpoint" in text
    assert line in text


def test_scores_of_another_extractor_are_neither_fid_nor_compared(add_published):
    add_published(label="inception-v3-random@01234567")
    cell = figure(2, 3, "fid").published
    assert (cell.verdict, cell.is_proxy, cell.label) == ("not comparable", True, "fd/inception-v3-random@01234567")
    store = load_store("published")
    text = to_markdown(build_tables(store)[1], store)
    assert "| FID / FD |" in text
    assert "published weights 3.30 (3.23 to 3.37, 3 draws) n.c." in text
    assert "features inception-v3-random@01234567, none" in text
    row = csv_rows(build_tables(store)[1], store)[2]
    assert (row["FID, published weights"], row["FID, published weights, proxy"]) == ("not run", "3.3000")


def test_what_was_missing_is_said_and_everything_else_stands(add_published):
    add_published()
    nothing = {"runs": [], "metrics": {}, "counts": {}, "checkpoint": None, "images_seen": None, "extractor": None}
    add_published("celeba_64", rows=["2:7"], lacking=["no img_align_celeba.zip at data; it is published at X"], **nothing)
    store = load_store("published")
    text = to_markdown(build_tables(store)[1], store)
    assert "celeba\\_64, published weights: not run, because something is missing: no img" in text.replace(
        "celeba_64", "celeba\\_64"
    )
    assert figure(2, 7, "fid").published is None
    assert figure(2, 3, "fid").published.verdict == "reproduced"


def test_the_page_opens_every_draw_and_the_check_is_clean(add_published):
    picture = image_grid(np.zeros((4, 3, 8, 8), np.uint8), Path("results/published/samples/cifar10.png"))
    add_published(mismatch=["the checkpoint's dims is [1], that of row 2:3 is [2]"], samples=str(picture))
    store = load_store("published")
    tables = build_tables(store)
    page = render_page(store, tables, [], lambda path: str(path))
    assert 'id="p-cifar10"' in page
    assert "published weights, ckpt-68096000" in page
    assert "published weights 3.30 (3.23 to 3.37, 3 draws) another checkpoint" in page
    assert "latents 2, reference 1" in page
    assert "that of row 2:3 is [2]" in page
    problems, counts = check_profile("published")
    assert counts["records"] == 1
    assert not [
        problem for problem in problems if "missing; run python -m harness.report" not in problem and "manifest" not in problem
    ]
