"""Everything that a cell needs is checked before its first step. A problem with one dataset stops only its cells."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from harness.config import load_params
from harness.data.writer import ArrayWriter
from harness.errors import HarnessError
from pipelines import needs, train
from pipelines.commands import plan, sweep
from pipelines.needs import check_batch, lacks
from pipelines.profile import Profile, load_profile

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def paper(tmp_path, monkeypatch) -> Profile:
    """The paper's profile in a place without any file."""
    monkeypatch.chdir(tmp_path)
    return load_profile(ROOT / "pipelines/paper/params.yaml")


def write(params: dict) -> Profile:
    with Path("params.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)
    return load_profile("params.yaml")


def prepared(root: Path, side: int = 16, count: int = 40, name: str = "digits") -> None:
    writer = ArrayWriter(root, name, side)
    for split in ("train", "test"):
        writer.add(split, np.zeros((count, 3, side, side), np.uint8))
    writer.finish({"kind": "test"}, {})


@pytest.fixture
def digits(tmp_path, monkeypatch) -> dict:
    """The digits profile's parameters, 40 prepared pictures in place."""
    monkeypatch.chdir(tmp_path)
    prepared(tmp_path / "results/digits/data/digits")
    params = load_params(ROOT / "pipelines/digits/params.yaml")
    return params | {part: {name: params[part][name] for name in ("table1-16", "table3-06")} for part in ("rows", "cells")}


def test_nothing_lacks_where_everything_is_there(digits):
    profile = write(digits)
    assert lacks(profile, "digits") == []
    check_batch(profile, profile.cells["table1-16"])


def test_an_empty_place_lacks_each_file_by_name(paper):
    weights = "no Inception weights at data/weights-inception-2015-12-05-6726825d.pth"
    assert [line[:63] for line in lacks(paper, "cifar10")] == [weights[:63]]  # the archive is downloaded
    assert lacks(paper, "celeba-64")[1].startswith("data.celeba-64.path: given data/img_align_celeba.zip, which is not there")
    assert lacks(paper, "lsun-bedroom-256")[2].startswith("evaluate.lsun-bedroom-256.statistics: given data/VIRTUAL_lsun")


def test_statistics_are_opened(paper, tmp_path):
    Path("data").mkdir()
    path = Path("data/VIRTUAL_lsun_bedroom256.npz")
    path.write_bytes(b"none")
    assert "VIRTUAL_lsun_bedroom256.npz" in lacks(paper, "lsun-bedroom-256")[2]
    np.savez(path, mu=np.zeros(3), sigma=np.zeros((3, 3)))
    assert "lacks mu_s, sigma_s" in lacks(paper, "lsun-bedroom-256")[2]
    np.savez(path, **{name: np.zeros(3) for name in ("mu", "sigma", "mu_s", "sigma_s")})
    assert len(lacks(paper, "lsun-bedroom-256")) == 2


def test_wrong_weights_are_found_before_the_first_step(paper):
    Path("data").mkdir()
    Path("data/weights-inception-2015-12-05-6726825d.pth").write_bytes(b"x")
    assert "sha256" in lacks(paper, "cifar10")[0]


def test_pictures_prepared_by_other_parameters_are_named(digits):
    digits["data"]["digits"]["resolution"] = 32
    digits["generator"] |= {"resolution": 32, "base": 8}
    digits["discriminator"] |= {"resolution": 32, "base": 8}
    (line,) = lacks(write(digits), "digits")
    assert line == "results/digits/data/digits holds pictures of 16 pixels; expected 32 as in data.digits; prepare it again"


def test_a_protocol_for_other_pictures_is_named(digits, tmp_path):
    prepared(tmp_path / "results/other/data/digits", name="toys")
    digits["profile"] = "other"
    (line,) = lacks(write(digits), "digits")
    assert "is not the reference of protocol digits-train: name is 'toys'" in line


def test_a_committed_extractor_that_was_changed_is_named(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(needs, "WEIGHTS", tmp_path / "none.safetensors")
    assert "is not the committed extractor" in lacks(write(digits), "digits")[0]


def test_a_batch_larger_than_the_data_is_refused_before_training(digits):
    digits["train"]["batch"] = 41
    write(digits)
    with pytest.raises(HarnessError, match=r"cells.table1-16: train.batch is 41, its training images are 40; expected no larger"):
        train.main(["--params", "params.yaml", "--cell", "table1-16"])
    digits["train"]["batch"] = 8
    profile = write(digits)
    with pytest.raises(HarnessError, match=r"train.batch is 8, its training images are 4"):
        check_batch(profile, profile.cells["table3-06"])  # a tenth of them


def test_training_stops_before_its_first_step(digits, tmp_path):
    digits["features"] = {"extractor": "inception-v3", "weights": "nowhere.pth"}
    write(digits)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(HarnessError, match=r"no Inception weights at nowhere\.pth"):
        train.main(["--params", "params.yaml", "--cell", "table1-16"])
    assert sorted(tmp_path.rglob("*")) == before


def test_pictures_that_are_not_prepared_are_asked_for_by_a_command_that_works(digits, tmp_path):
    (tmp_path / "results/digits/data/digits").rename(tmp_path / "elsewhere")
    write(digits)
    with pytest.raises(HarnessError, match=r"run `dvc repro pipelines/digits/dvc\.yaml:prepare@digits` first"):
        train.main(["--params", "params.yaml", "--cell", "table1-16"])


def test_a_plan_says_what_is_lacking(paper, capsys):
    plan.main(["--params", str(ROOT / "pipelines/paper/params.yaml"), "--cell", "table1-16", "table4-ffhq", "--untimed"])
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("lacking, ")]
    assert [line.split(":")[0] for line in said] == ["lacking, cifar10", "lacking, ffhq-128", "lacking, ffhq-128"]


def test_a_sweep_leaves_out_the_cells_that_lack_something(paper, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "lacks", lambda profile, key: [] if key == "cifar10" else [f"{key} is not there"])
    names = ["table1-16", "table4-ffhq", "table2-07"]
    assert sweep.ready_cells(paper, names, named=False) == ["table1-16"]
    said = capsys.readouterr().out
    assert said == "table4-ffhq: left out, because ffhq-128 is not there\ntable2-07: left out, because celeba-64 is not there\n"
    with pytest.raises(HarnessError, match="table4-ffhq, table2-07: ffhq-128 is not there"):
        sweep.ready_cells(paper, names, named=True)
    with pytest.raises(HarnessError, match="table2-07: celeba-64 is not there"):
        sweep.ready_cells(paper, ["table2-07"], named=False)


def test_ffhq_of_another_filter_is_found_by_its_first_picture(paper, monkeypatch):
    manifest = {"name": "ffhq", "preparation": {"resolution": 128}, "splits": {"train": {"count": 70_000}}}
    pictures = np.arange(3 * 128 * 128, dtype=np.uint8).reshape(1, 3, 128, 128)
    monkeypatch.setattr(needs, "open_split", lambda root, split: pictures)
    (protocol,) = paper.evaluate["ffhq-128"].resolved()
    with pytest.raises(HarnessError, match="ffhq: its first picture is not the published one, so they were shrunk by another"):
        needs._check_prepared(manifest, protocol, Path("ffhq"))
    rows = np.ascontiguousarray(pictures[0].transpose(1, 2, 0))
    monkeypatch.setitem(needs.FIRST_PICTURES, "ffhq-50k", hashlib.md5(rows.tobytes()).hexdigest())
    needs._check_prepared(manifest, protocol, Path("ffhq"))
    monkeypatch.setitem(needs.FIRST_PICTURES, "ffhq-50k", "another")
    needs._check_prepared(manifest, protocol.reduced(8, 8), Path("ffhq"))
