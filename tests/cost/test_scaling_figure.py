"""The figure of the attention laboratory: curves from its CSV file, and why they end."""

import csv
from dataclasses import asdict, fields

from harness.cost.scaling import Point
from harness.cost.scaling_figure import _no_curve, _styles, draw_curves, read_points

POINTS = [
    Point("lada", "forward", 64, 4, 64, 10, 1e-3, 0.9e-3, 1.1e-3, 0.96, 9, 2**20),
    Point("lada", "forward", 64, 4, 256, 40, 4e-3, 3.9e-3, 4.1e-3, 0.96, 9, 2**22),
    Point("lada", "forward", 64, 4, 1024, 160, skipped="over the time bound: about 2.1 s a pass expected"),
    Point("dot", "r1", 64, 4, 64, 20, skipped="not twice differentiable"),
]


def test_a_csv_file_gives_the_points_back(tmp_path):
    columns = [entry.name for entry in fields(Point) if entry.name != "samples"]
    with (tmp_path / "attention.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(asdict(p) | {"skipped": f"skipped: {p.skipped}" if p.skipped else None} for p in POINTS)
    found = read_points(tmp_path / "attention.csv")
    assert [asdict(p) | {"n": p.n or 0} for p in found] == [asdict(p) for p in POINTS]


def test_every_mechanism_has_a_look_of_its_own():
    names = ["lada", *(f"m{k}" for k in range(13))]
    looks = _styles(names, list(range(8)))
    assert len({(look["color"], look["linestyle"]) for look in looks.values()}) == 14
    assert looks["lada"]["color"] == "black"


def test_a_mechanism_without_a_second_gradient_is_named():
    assert _no_curve(POINTS, {"dot": "Dot", "lada": "Lada"}) == ["Not twice differentiable, so without r1: Dot."]
    assert _no_curve(POINTS[:3], {"lada": "Lada"}) == []


def test_the_same_points_give_the_same_picture_in_mib_and_ms(tmp_path):
    titles = {"lada": "Lada", "dot": "Dot"}
    for name in ("a", "b"):
        draw_curves(POINTS, titles, "CPU test", [tmp_path / f"{name}.svg"])
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    for words in ("peak memory (MiB)", "milliseconds a pass", ">t<", "tokens N"):
        assert words in text
