import re
from html.parser import HTMLParser

import numpy as np
import pytest

from harness.images import image_grid
from harness.records.models import AnchorRecord
from harness.records.record import make, write_record
from harness.records.store import load_store
from harness.report.page import render_page
from harness.report.pictures import Embedded, Linked
from harness.report.plots import save
from harness.report.tables import build_tables

MADE_BY = {"versions": {"python": "3.11"}, "arithmetic": "test"}


class Page(HTMLParser):
    """Ids, popover targets, links and headings of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.targets, self.links, self.loads, self.tags = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.targets += [found["popovertarget"]] if "popovertarget" in found else []
        self.links += [found["href"]] if tag == "a" else []
        self.loads += [found[key] for key in ("src", "srcset", "href", "data") if key in found and tag != "a"]


def render(profile="digits", figures=(), source=Linked):
    store = load_store(profile)
    return render_page(store, build_tables(store), list(figures), source(store.folder))


def test_every_figure_opens_a_provenance_that_is_there(digits):
    page = Page(render())
    assert len(page.ids) == len(set(page.ids))
    assert set(page.targets) <= set(page.ids)
    assert {"p-t1-16", "p-g32-lada-conv"} <= set(page.targets)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


@pytest.mark.parametrize("source", [Embedded, Linked])
def test_the_page_asks_nobody_for_anything(digits, source):
    text = render(source=source)
    page = Page(text)
    pictures = [load for load in page.loads if load != "data:,"]  # the empty icon
    assert pictures
    if source is Embedded:
        assert all(load.startswith("data:image/") for load in pictures)
    else:
        assert all((digits / load).is_file() for load in pictures)
    assert "script" not in page.tags
    assert not re.search(r"@import|url\(", text)
    assert not any(link.startswith("http") for link in page.links)


def test_provenance_says_where_a_figure_comes_from(digits):
    text = render()
    run = text[text.index('id="p-t1-16"') :]
    run = run[: run.index("<div popover")]
    for fact in (
        "a" * 64,
        "b" * 64,
        "c" * 64,
        "dvc repro",
        "ladagan-digits",
        "1,437 training images",
        "train.nimg",
        "68096000",
        "3200",
    ):
        assert fact in run
    assert "printed 3.29, measured 26.00, not comparable" in run
    assert "no verdict uses it" not in run  # this run has no best snapshot


def test_every_seed_is_shown(add_score):
    for seed, value in enumerate((3.28, 3.29, 3.31)):
        metrics = {"cifar10-50k": {"fid": value}}
        add_score(f"lada-s{seed}", ["1:16"], profile="paper", level="paper", seed=seed, metrics=metrics, best=None)
    text = render("paper")
    start = text.index('<div popover id="points-table_1-16-fid"')
    points = text[start : text.index("</div>", text.index("<ul>", start))]
    assert all(
        value in points for value in ("3.28", "3.29", "3.31", "p-lada-s0", "records/lada-s1.json", "3.29 (3.27 to 3.32, 3 seeds)")
    )


def test_a_table_shows_the_interval_over_seeds_in_a_line_of_its_own(add_score):
    for seed, value in enumerate((3.28, 3.29, 3.31)):
        add_score(
            f"s{seed}", ["1:16"], profile="paper", level="paper", seed=seed, metrics={"cifar10-50k": {"fid": value}}, best=None
        )
    text = render("paper")
    cell = text[text.index('aria-label="fid, row 16:') :]
    assert "<b>3.29</b>" in cell[: cell.index("</td>")]
    assert "<small>3.268–3.319</small>" in cell[: cell.index("</td>")]
    assert "3,200 images seen, 3 seeds" in text
    assert "Third line: the 90% interval" in text


def test_samples_stand_beside_real_pictures_and_show_more_on_request(add_score, monkeypatch):
    neighbours = image_grid(np.zeros((1, 3, 8, 8), np.uint8), "results/digits/neighbours/a.png")
    real = image_grid(np.ones((1, 3, 8, 8), np.uint8), "results/digits/samples/anchors-digits.png")
    add_score("a", ["1:16"], neighbours={"path": str(neighbours), "among": 9, "samples": 1.0})
    fields = {"cell": "anchors-digits", "profile": "digits", "config": {}, "command": "x", **MADE_BY}
    fields |= {"extractor": {"name": "digits-cnn", "label": "digits-cnn", "sha256": "b" * 64}}
    anchors = make(AnchorRecord, **fields, comparability={"level": "none"}, anchors={}, samples=str(real))
    write_record("results/digits/records/anchors-digits.json", anchors)
    text = render()
    gallery = text[text.index('id="samples"') :]
    assert gallery.index('src="samples/anchors-digits.png"') < gallery.index('src="samples/a.png"')
    assert "<summary>nearest training images</summary>" in gallery
    assert 'src="neighbours/a.png"' in gallery


def test_errata_stand_beside_the_cells_they_touch(digits):
    text = render()
    cell = text[text.index("g gflops, row 2:") :]
    assert "#erratum-lada-swin-output" in cell[: cell.index("</td>")]


def test_text_from_records_is_escaped(add_score):
    add_score("x", ["1:1"], command="echo '<script>alert(1)</script>'")
    assert "<script>alert" not in render()


def test_pictures_stand_beside_the_page_and_inside_it_only_when_asked(digits):
    picture = digits / "figures" / "big.svg"
    picture.parent.mkdir(exist_ok=True)
    picture.write_bytes(b" " * 1_000_000)
    text = render(figures=[picture])
    assert 'src="figures/big.svg"' in text
    assert len(text) < 400_000
    assert "figures/big.svg" not in render(figures=[picture], source=Embedded)


def test_a_picture_outside_the_results_is_never_shown(digits, tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    for source in (Embedded(digits), Linked(digits)):
        assert source(tmp_path / "secret.png") == ""
        assert source(digits / "../../secret.png") == ""


def test_figures_carry_no_date(tmp_path):
    from matplotlib.figure import Figure

    for name in ("a", "b"):
        figure = Figure()
        figure.add_subplot().plot([1, 2])
        save(figure, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "a.svg").read_bytes()
