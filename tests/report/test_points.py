"""Points of a figure: none hides another, and no number covers one."""

import matplotlib.pyplot as plt
import pytest

from harness.records.store import load_store
from harness.report.figure_5 import figure_5
from harness.report.lines import draw_line
from harness.report.losses import losses
from harness.report.plots import score_words
from harness.report.points import Point, draw_points, number_points
from harness.report.ranks import precision_against_recall
from harness.report.resolution import throughput_against_resolution, timed
from harness.report.scatter import score_against_macs

STYLE = {"color": "C0", "marker": "o"}


@pytest.fixture
def axis():
    figure, axis = plt.subplots(figsize=(4, 4), layout="constrained")
    yield axis
    plt.close(figure)


def boxes(figure, axis):
    renderer = figure.canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in axis.texts]


def test_numbers_cover_neither_each_other_nor_a_point(axis):
    places = [(0.5, 1.0), (0.505, 1.01), (0.5, 1.02), (0.52, 1.0), (0.9, 2.0), (0.1, 3.0)]
    points = [Point(str(10 + k), "lada", [x], [y], STYLE) for k, (x, y) in enumerate(places)]
    placed = draw_points(axis, points)
    number_points(axis.figure, {axis: placed})
    axis.figure.canvas.draw()
    found = boxes(axis.figure, axis)
    assert [text.get_text() for text in axis.texts] == [str(10 + k) for k in range(6)]
    assert not any(one.overlaps(other) for k, one in enumerate(found) for other in found[:k])
    for x, y, _ in placed:
        assert not any(box.contains(*axis.transData.transform((x, y))) for box in found)


def test_points_of_one_place_stand_side_by_side(axis):
    placed = draw_points(
        axis, [Point("1", "a", [1.0], [2.0], STYLE), Point("2", "b", [1.0], [2.0], STYLE), Point("3", "b", [2.0], [2.0], STYLE)]
    )
    assert placed[0][0] < placed[1][0] < 1.1
    assert axis.get_legend_handles_labels()[1] == ["a", "b"]


def test_several_seeds_show_their_mean_interval_and_every_point(axis):
    draw_points(axis, [Point("1", "a", [1.0], [2.0, 3.0, 4.0], STYLE)])
    (bar,) = axis.lines
    low, high = bar.get_ydata()
    assert low == pytest.approx(3 - 2.919986 / 3**0.5, abs=1e-5)  # Student's t, two degrees of freedom
    assert high == pytest.approx(3 + 2.919986 / 3**0.5, abs=1e-5)
    mean, every = (
        collection.get_offsets() for collection in sorted(axis.collections, key=lambda found: len(found.get_offsets()))
    )
    assert mean.tolist() == [[1.0, 3.0]]
    assert every[:, 1].tolist() == [2.0, 3.0, 4.0]


def test_a_band_may_go_below_nought_where_a_loss_does(axis):
    draw_line(axis, {320: [-1.0, 1.0], 640: [-2.0, 1.0]}, {"color": "C0"})
    assert axis.collections[0].get_datalim(axis.transData).y0 < -2


def test_labels_of_records_become_words():
    assert score_words("fd/digits-cnn") == "FD of digits-cnn features (lower is better)"
    assert score_words("is") == "IS (higher is better)"
    assert score_words("other") == "other"


def test_every_generator_is_a_line_over_its_resolutions(add_cost):
    for name, side, steps in (
        ("g32-lada-conv", 32, 1),
        ("g64-lada-conv", 64, 1),
        ("adm-ip-32", 32, 250),
        ("g32-swin-noconv", 32, 1),
    ):
        add_cost(name, resolution=side, steps_per_image=steps)
    store = load_store("digits")
    assert timed(store) == {"lada-conv": [(32, 90.0), (64, 90.0)], "adm-ip": [(32, 0.36)]}
    figure = throughput_against_resolution(store)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["LadaGAN", "adm-ip"]
    plt.close(figure)


def test_an_experiment_of_ones_own_has_its_line_in_every_figure(digits, add_score):
    add_score("mine", value=7.0, config={"attention": "mine", "discriminator_attention": "lada", "train": {"nimg": 3200}})
    store = load_store("digits")
    for figure in (figure_5(store, "a"), losses(store)):
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert any("mine" in label for label in labels)
        plt.close(figure)
    for figure in (score_against_macs(store), precision_against_recall(store)):
        assert "mine" in [text.get_text() for text in figure.axes[0].texts]
        assert "mine" not in [text.get_text() for text in figure.axes[1].texts]  # nothing is printed of it
        plt.close(figure)


def test_losses_are_drawn_for_every_mechanism_that_ran(digits):
    figure = losses(load_store("digits"))
    assert len(figure.axes[0].lines) == 6
    plt.close(figure)
