import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config import load_params
from harness.metrics.protocol import PROTOCOLS
from harness.paper import all_assumptions
from harness.report.verdicts import (
    cost_verdict,
    interval,
    rival_verdict,
    rules,
    score_verdict,
    truncate_like,
    within_assumptions,
)


@pytest.mark.parametrize(
    ("value", "printed", "verdict"),
    [
        (0.7599, "0.7", "reproduced"),  # the paper's generator at 32 pixels
        (0.5712, "0.4", "differs"),  # Lada-Swin with its output projection
        (19.901647, "19", "reproduced"),
        (24.026255, "24", "reproduced"),
        (4.350, "4.3", "reproduced"),
        (0.8000000001, "0.8", "reproduced"),
        (0.7999999999, "0.8", "differs"),
        (0.5, "-", "-"),
        (0.5, "diverged", "-"),
    ],
)
def test_costs_follow_the_papers_truncation(value, printed, verdict):
    assert cost_verdict(value, printed) == verdict


@given(st.floats(0, 1e4), st.integers(0, 3))
def test_truncation_never_rounds_up(value, digits):
    printed = truncate_like(value, f"{0:.{digits}f}")
    assert float(printed) <= value < float(printed) + 10**-digits * (1 + 1e-9)


@pytest.mark.parametrize(
    ("value", "printed", "tolerance", "verdict"),
    [
        (542.811398, "543", 0, "reproduced"),  # ADM-IP 128, rounded by its authors
        (16.66, "38", 0, "differs"),  # ViTGAN 64
        (7.664, "7.8", 0.025, "reproduced"),  # StyleGAN2 64
        (7.60, "7.8", 0.025, "differs"),
    ],
)
def test_rivals_may_be_rounded_or_within_their_tolerance(value, printed, tolerance, verdict):
    assert rival_verdict(value, printed, tolerance) == verdict


def test_interval_is_students():
    low, high = interval([1.0, 2.0, 3.0])  # t(0.95, 2) = 2.919986
    assert low == pytest.approx(2 - 2.919986 / math.sqrt(3), abs=1e-6)
    assert high == pytest.approx(2 + 2.919986 / math.sqrt(3), abs=1e-6)
    assert interval([1.0]) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("points", "verdict"),
    [
        ([4.80, 4.82, 4.84], "reproduced"),
        ([4.82], "inconclusive"),  # one seed says nothing about the spread
        ([4.6, 4.82, 5.1], "inconclusive"),
        ([5.60, 5.62, 5.64], "differs"),
        ([4.0, 4.01, 4.02], "differs"),  # better is different, too
        ([4.82, 9.0, 9.1], "inconclusive"),  # the best of three reproduces; the mean does not
    ],
)
def test_scores_are_equivalent_only_inside_the_margin(points, verdict):
    assert score_verdict(points, "4.82", "fid") == verdict


def test_a_score_that_rests_on_an_assumption_is_at_best_inconclusive_and_says_why():
    for verdict in ("reproduced", "differs", "inconclusive"):
        assert within_assumptions(verdict, "lsun128-50k") == "inconclusive"
        assert within_assumptions(verdict, "lsun256-50k") == within_assumptions(verdict, None) == verdict
    assert within_assumptions("diverged", "lsun128-50k") == "diverged"
    assert any("lsun128-30k, lsun128-50k (The number of training images (18 million)" in rule for rule in rules())
    assert {name for entry in all_assumptions() for name in entry["protocols"].split()} <= PROTOCOLS.keys()


def test_every_number_of_the_papers_training_carries_its_source():
    path = Path(__file__).resolve().parents[2] / "pipelines/paper/params.yaml"
    lines = path.read_text().partition("\ntrain:\n")[2].partition("\n\n")[0].splitlines()
    assert {line.split(":")[0].strip() for line in lines} == load_params(path)["train"].keys()
    known = ("section", "Table", "authors' code", "assumption", "ours")
    assert [line for line in lines if not line.partition("#")[2].strip().startswith(known)] == []
