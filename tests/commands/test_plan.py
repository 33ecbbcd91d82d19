"""What a plan says that a cell will take: every figure follows from the parameters."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.commands import plan
from pipelines.commands.amounts import cell_bytes, modelled_hours, networks_of, prepared_bytes, scored_images, scoring_bytes
from pipelines.commands.ranks import LINKS, Exchange, Link, efficiency, exchange
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


def test_what_ranks_send_depends_on_the_networks_and_not_on_the_batch(paper):
    cell = paper.cells["table1-16"]
    generator, discriminator = networks_of(cell)
    weights = sum(weight.numel() for network in (generator, discriminator) for weight in network.parameters())
    sums = (12 + 4 + 4) * 3 * 256  # no BatchNorm in G; three of 256 channels in D, under R1 and bCR
    sent = exchange(generator, discriminator, cell.train)
    assert sent == Exchange(3 + 20 * 3, 4 * (weights + 8 + sums))
    assert sent == exchange(generator, discriminator, replace(cell.train, batch=8))
    without = exchange(generator, discriminator, replace(cell.train, bcr_weight=0.0, r1_weight=0.0))
    assert sent.calls - without.calls == 8 * 3


def test_a_ring_sends_the_bytes_almost_twice_in_many_hops():
    assert Exchange(0, 800).seconds(8, Link("", 100.0, 1.0)) == pytest.approx(2 * 7 / 8 * 8)
    assert Exchange(3, 0).seconds(2, Link("", 1.0, 0.5)) == pytest.approx(3 * (20e-6 + 2 * 0.5))
    assert efficiency(8.0, Exchange(0, 100), 4, Link("", 75.0, 0.0)) == pytest.approx(2 / (2 + 2))


def test_the_speed_that_ranks_keep_is_shown_for_every_link(capsys):
    plan.main(["--params", PAPER, "--cell", "table1-16", "table4-ffhq", "--ranks"])
    shown = capsys.readouterr().out
    for link in LINKS:
        assert f"{link.name}, modelled" in shown
    assert "share of 2, 4, 8 times one GPU's speed; modelled, not measured" in shown
    for line in (line for line in shown.splitlines() if line.lstrip().startswith("table")):  # the more ranks, the smaller
        shares = [int(word.rstrip("%")) for word in line.split() if word.endswith("%")]
        assert len(shares) == 9
        assert all(
            100 >= one >= two >= eight > 0 for one, two, eight in zip(shares[::3], shares[1::3], shares[2::3], strict=True)
        )
    plan.main(["--params", PAPER, "--cell", "table1-16", "--ranks", "--set", "train.batch=4"])
    assert "/ -" in capsys.readouterr().out


@pytest.mark.slow
def test_steps_are_timed_at_the_cells_batch(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    asked, time_step = [], plan.time_step
    monkeypatch.setattr(plan, "time_step", lambda cell, batch: asked.append(batch or cell.train.batch) or time_step(cell, 4))
    plan.main(["--params", DIGITS, "--cell", "table1-16"])
    assert asked == [load_profile(DIGITS).cells["table1-16"].train.batch] != [4]
    assert "from steps of the eager engine measured here" in capsys.readouterr().out
