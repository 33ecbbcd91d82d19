"""The style of the figures, and how they are written."""

import io

import matplotlib
import matplotlib.pyplot as plt
import pytest

from harness.report.plots import COLOURS, DEEP, KNOWN, STYLE, looks, save

UNUSED = {"image.cmap", "grid.color"}  # a report draws neither pictures nor grids
OURS = {"font.family", "font.sans-serif", "mathtext.fontset", "figure.dpi", "svg.hashsalt", "axes.titlesize", "legend.frameon"}
WITHOUT_SPINES = {"axes.spines.top", "axes.spines.right"}  # as seaborn.despine


@pytest.fixture
def figure():
    figure, axes = plt.subplots(1, 2, figsize=(5, 2.3), layout="constrained")
    axes[0].plot([1, 2], [10, 2000], label="a")
    axes[1].set(yscale="log", ylabel="a label", title="a title")
    figure.legend(loc="outside lower center")
    yield figure
    plt.close(figure)


def written(figure, form):
    found = io.BytesIO()
    metadata = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}[form]
    with matplotlib.rc_context({"svg.hashsalt": "harness"}):
        figure.savefig(found, format=form, bbox_inches="tight", metadata=metadata)
    return found.getvalue()


@pytest.mark.slow
def test_the_style_is_seaborns():
    import seaborn as sns

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        plain = dict(matplotlib.rcParams)
        sns.set_theme(style="ticks", context="paper")
        theirs = {name: value for name, value in matplotlib.rcParams.items() if value != plain[name]}
        matplotlib.rcParams.update(STYLE)
        ours = dict(matplotlib.rcParams)
    sns.set_color_codes("reset")
    compared = theirs.keys() - UNUSED - OURS
    assert compared <= STYLE.keys()
    compared.remove("axes.prop_cycle")
    assert [colour.lower() for colour in DEEP] == sns.color_palette("deep").as_hex()
    assert {name: ours[name] for name in compared} == {name: theirs[name] for name in compared}
    assert STYLE.keys() - theirs.keys() - OURS == WITHOUT_SPINES
    assert [colour.lower() for colour in COLOURS] == sns.color_palette("colorblind", 10).as_hex()


def test_the_edges_are_those_that_matplotlib_finds(figure, tmp_path):
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    expected = [written(figure, form) for form in ("png", "svg")]
    with matplotlib.rc_context({"svg.hashsalt": "harness"}):
        found = save(figure, tmp_path / "figure")
    assert [path.read_bytes() for path in found] == expected


def test_every_attention_has_a_look_of_its_own():
    others = [f"own-{k}" for k in range(4)]
    found = looks(others)
    assert len({(str(look["color"]), look["marker"]) for look in found.values()}) == len(KNOWN) + len(others)
