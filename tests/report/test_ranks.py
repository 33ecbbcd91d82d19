import pytest

from harness.records.store import load_store
from harness.report.ranks import _agreement, _ranks, precision_against_recall, rank_against_rank, rank_correlation


def test_equal_values_share_their_mean_rank():
    assert _ranks([3.0, 1.0, 3.0, 2.0]) == [3.5, 1.0, 3.5, 2.0]


def test_rank_correlation_is_spearmans_with_fishers_interval():
    found, (low, high) = rank_correlation([(1, 10), (2, 20), (3, 15), (4, 40), (5, 30), (6, 60)])
    assert found == pytest.approx(0.8857142857)  # 1 - 6 * 4 / (6 * 35)
    assert (low, high) == (pytest.approx(0.3765, abs=1e-3), pytest.approx(0.9840, abs=1e-3))


def test_the_correlation_of_each_seed_is_said_where_every_row_has_as_many():
    printed, means = [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]
    seeds = [(1.0, 4.0), (2.0, 3.0), (3.0, 2.0), (4.0, 1.0)]
    assert _agreement(printed, means, seeds).endswith("of each of 2 seeds alone: 1.00, -1.00")
    assert "alone" not in _agreement(printed, means, [(1.0, 4.0), (2.0,), (3.0, 2.0), (4.0, 1.0)])
    assert "alone" not in _agreement(printed, means, [(value,) for value in means])


def test_rows_that_all_score_the_same_have_no_order(add_score):
    for index in range(1, 6):
        add_score(f"c{index}", [f"1:{index}"], value=7.0)
    assert rank_against_rank(load_store("digits")) is None


def test_every_measured_row_is_drawn(digits):
    store = load_store("digits")
    for figure in (rank_against_rank(store), precision_against_recall(store)):
        texts = {text.get_text() for axis in figure.axes for text in axis.texts}
        assert {str(index) for index in range(1, 17) if index != 9} == texts  # row 9 diverged in print
