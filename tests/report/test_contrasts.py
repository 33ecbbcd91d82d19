"""Tests over seeds, and Holm's correction."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.contrasts import contrast, holm


def test_a_contrast_of_two_means_is_welchs_test():
    from scipy.stats import ttest_ind

    a, b = [3.1, 2.9, 3.4, 3.3, 3.0], [2.5, 2.9, 2.2, 2.6]
    found = contrast({"a": a, "b": b}, {"a": 1, "b": -1}, 0.0)
    for side, p in (("greater", found.p_above), ("less", found.p_below)):
        assert p == pytest.approx(ttest_ind(a, b, equal_var=False, alternative=side).pvalue)
    low, high = ttest_ind(a, b, equal_var=False).confidence_interval(0.90)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_a_bound_moves_the_test():
    from scipy.stats import ttest_ind

    a, b = [3.1, 2.9, 3.4, 3.3, 3.0], [2.5, 2.9, 2.2, 2.6]
    moved = contrast({"a": a, "b": b}, {"a": 1, "b": -1}, 0.25)
    shifted = [value - 0.25 for value in a]
    assert moved.p_above == pytest.approx(ttest_ind(shifted, b, equal_var=False, alternative="greater").pvalue)


def test_equal_seeds_have_no_spread():
    assert contrast({"a": [2.0, 2.0], "b": [1.0, 1.0]}, {"a": 1, "b": -1}, 0.0).p_above == 0.0


@pytest.mark.parametrize(
    ("given", "expected"),
    [([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]), ([0.5], [0.5]), ([], []), ([0.9, 0.8], [1.0, 1.0])],
)
def test_holm(given, expected):
    assert holm(given) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_lowers_a_p_value_and_keeps_the_order(values):
    adjusted = holm(values)
    assert all(a >= p for a, p in zip(adjusted, values, strict=True))
    pairs = sorted(zip(values, adjusted, strict=True))
    assert all(first[1] <= second[1] for first, second in pairwise(pairs))
