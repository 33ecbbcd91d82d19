import pytest

from harness.errors import HarnessError
from pipelines.commands.compare import compare_costs, compare_scores, main, result_set, significance


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        ([1.0], [1.0], "identical"),
        ([1.0], [1.1], "one seed: no test"),
        ([1.0, 1.1, 0.9], [2.0, 2.1, 1.9], "differs"),
        ([1.0, 1.1, 0.9], [1.05, 1.2, 0.8], "no difference shown"),
        ([1.0, 1.0], [1.0, 1.0], "identical"),
    ],
)
def test_significance_needs_seeds(left, right, words):
    assert words in significance(left, right)


def test_welch_agrees_with_a_hand_computed_value():
    # means 1 and 2, variances 0.01 both, n = 3: t = -1 / sqrt(0.02 / 3) = -12.247, 4 degrees of freedom
    assert significance([0.9, 1.0, 1.1], [1.9, 2.0, 2.1]).startswith("p = 0.00026")


def test_scores_are_matched_by_printed_row_and_metric(add_score):
    add_score("a-16", ["1:16"], 10.0)
    add_score("b", ["1:2"], 9.0)
    add_score("other-name", ["1:16"], 12.0, profile="gpu")
    other = {"name": "digits-cnn", "label": "digits-cnn", "sha256": "f" * 64}
    add_score("c", ["1:2"], 9.0, profile="gpu", extractor=other)
    rows = compare_scores(result_set("digits"), result_set("gpu"))
    by_key = {tuple(row[:3]): row[3:] for row in rows}
    assert by_key["1:16", "digits-train", "fd/digits-cnn"] == ["10", "12", "+2", "1.200", "one seed: no test"]
    assert by_key["1:2", "digits-train", "fd/digits-cnn"][-1] == "nothing to compare"  # other features
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), key=lambda row: int(row.split(":")[1]))


def test_costs_are_equal_or_not_and_rates_overlap_or_not(add_cost):
    add_cost("g32-lada-conv")
    add_cost("g32-lada-conv", params=2, rates={"1": {"median": 60.0, "low": 55.0, "high": 61.0}}, profile="gpu")
    rows = {(row[1], row[2]): row[3:] for row in compare_costs(result_set("digits"), result_set("gpu"))}
    assert rows["-", "params"][-1] == "differs"
    assert rows["-", "MAC true"][-1] == "equal"
    assert rows["batch 1", "evaluations/s"][-2:] == ["2.000", "ranges apart"]


def test_each_set_says_on_which_machine_and_when_it_was_made(add_score, capsys, monkeypatch):
    add_score("a", ["1:1"])
    add_score("a", ["1:1"], profile="other")
    monkeypatch.setattr("sys.argv", ["compare", "digits", "other"])
    main()
    out = capsys.readouterr().out
    assert "A: results/digits, 1 runs, 0 networks, commits dddddddddddd; CPU test (AVX2, no AVX-512), 2 cores, 2026-01-01" in out
    assert "identical" in out


def test_a_folder_can_be_named(add_score, tmp_path):
    add_score("a", ["1:1"])
    assert result_set(str(tmp_path / "results/digits")).scores.keys() == {"a"}
    with pytest.raises(HarnessError, match="neither a profile"):
        result_set("nowhere")
