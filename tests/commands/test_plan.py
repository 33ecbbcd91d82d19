"""What a plan says that a cell will take: every figure follows from the parameters."""

from pathlib import Path

import pytest

from pipelines.commands import plan
from pipelines.commands.amounts import cell_bytes, modelled_hours, prepared_bytes, scored_images, scoring_bytes
from pipelines.profile import load_profile

ROOT = Path(__file__).resolve().parents[2]
PAPER, DIGITS = (str(ROOT / f"pipelines/{name}/params.yaml") for name in ("paper", "digits"))


@pytest.fixture(scope="module")
def paper():
    return load_profile(PAPER)


def test_images_scored_are_few_for_each_point_of_the_curve_and_all_for_every_seed_at_the_end(paper):
    assert scored_images(paper, paper.cells["table1-16"]) == 5_000 * (1 + 20) + 50_000 * 3 <= 6 * 50_000


def test_scoring_celeba_takes_eight_gib_of_the_host(paper):
    assert scoring_bytes(paper, paper.cells["table2-07"]) / 2**30 == pytest.approx(8.05, abs=0.01)
    assert scoring_bytes(paper, paper.cells["table4-lsun256"]) == 2 * 50_000 * 4 * 5079  # its reference is statistics


def test_lsun_takes_750_gigabytes(paper):
    found = {key: prepared_bytes(entry) / 1e9 for key, entry in paper.data.items()}
    assert found["lsun-bedroom-128"] + found["lsun-bedroom-256"] == pytest.approx(745, abs=1)
    assert found["cifar10"] == pytest.approx(60_000 * 3072 / 1e9)


def test_a_cell_keeps_gigabytes_of_checkpoints(paper):
    assert 2e9 < cell_bytes(paper.cells["table1-16"]) < cell_bytes(paper.cells["table4-ffhq"]) < 8e9


def test_modelled_hours_follow_bandwidth_images_and_networks(paper):
    hours = modelled_hours(paper.cells["table1-16"])
    assert hours["H100"] < hours["A100"] < hours["RTX 3080 Ti"]
    assert hours["RTX 3080 Ti"] / hours["H100"] == pytest.approx(2.97 / 0.912)
    without_bcr = modelled_hours(paper.cells["table3-07"])["H100"]
    assert 0.6 < without_bcr / hours["H100"] < 1
    assert modelled_hours(paper.cells["table4-lsun256"])["H100"] * 68.096 / 18 > 2 * without_bcr


def test_a_plan_says_what_is_modelled_what_is_assumed_and_what_disk_and_memory_it_takes(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan.main(["--params", PAPER, "--cell", "table2-07", "table2-12", "--untimed"])
    shown = capsys.readouterr().out
    for words in (
        "modelled, not measured: ",
        "hours on one H100",
        "disk, lsun-bedroom-128: 149.1 GB prepared",
        "host memory: 8.1 GiB",
    ):
        assert words in shown
    assert "assumed, lsun-bedroom-128: The number of training images" in shown
    assert "assumed, celeba" not in shown


@pytest.mark.slow
def test_steps_are_timed_at_the_cells_batch(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    asked, time_step = [], plan.time_step
    monkeypatch.setattr(plan, "time_step", lambda cell, batch: asked.append(batch or cell.train.batch) or time_step(cell, 4))
    plan.main(["--params", DIGITS, "--cell", "table1-16"])
    assert asked == [load_profile(DIGITS).cells["table1-16"].train.batch] != [4]
    assert "from steps of the eager engine measured here" in capsys.readouterr().out
