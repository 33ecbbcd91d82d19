"""Points of a curve that were scored with fewer images than the last weights never mix with them."""

import pytest

from harness.report.figure_5 import _score_name, score_history
from harness.tracking.points import score_rows

LAST = [{"nimg": 3200, "metrics": {"digits-train": {"fd/digits-cnn": 25.0}}}]


@pytest.fixture
def few(add_score):
    """A record whose last weights score 25 with 500 images, and 20 with all."""
    return add_score("few", ["1:16"], curve_images=500, history=LAST)


def test_a_curve_ends_with_the_score_of_as_many_images_as_its_other_points(few, add_score):
    assert score_history(few)[0] == [(0, 100.0), (3200, 25.0)]
    assert score_history(add_score("all", ["1:16"], history=LAST))[0] == [(0, 100.0), (3200, 20.0)]


def test_the_axis_says_how_many_images(few, add_score):
    assert _score_name([few]).endswith(", 500 images")
    assert "images" not in _score_name([add_score("all", ["1:16"], history=LAST)])


def test_mlflow_has_both_scores_of_the_last_weights_under_their_own_names(add_score):
    paper = {"digits-train": {"fid": 20.0}}
    (_, last) = score_rows(add_score("few", ["1:16"], curve_images=500, history=LAST, metrics=paper))
    assert (last.values["fd/digits-train"], last.values["fid/digits-train"]) == (25.0, 20.0)
    (_, last) = score_rows(add_score("all", ["1:16"], history=LAST, metrics=paper))
    assert "fd/digits-train" not in last.values
