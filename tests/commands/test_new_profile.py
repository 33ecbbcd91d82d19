"""A profile of one's own pictures works as it is written."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.errors import HarnessError
from harness.files import write_text
from lada.configs import PAPER_DISCRIMINATORS, PAPER_GENERATORS
from pipelines.commands import new_profile as module
from pipelines.commands.new import main
from pipelines.commands.new_profile import RESOLUTIONS, new_profile, profile_text
from pipelines.profile import load_profile


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A folder of 120 pictures in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my pictures"
    folder.mkdir()
    for index in range(120):
        Image.fromarray(np.full((20, 24, 3), index, np.uint8)).save(folder / f"{index}.png")
    return folder


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("size", ["paper", "small"])
def test_every_resolution_gives_networks_that_fit(pictures, resolution, size):
    write_text("params.yaml", profile_text("mine", pictures, resolution, size, "digits-cnn"))
    (cell,) = load_profile("params.yaml").cells.values()
    assert cell.generator.resolution == cell.discriminator.resolution == resolution
    assert (cell.rows, cell.train.batch) == ((), 64 if size == "paper" else 32)


@pytest.mark.parametrize("resolution", [32, 64, 128, 256])
def test_at_full_size_they_are_the_papers(pictures, resolution):
    write_text("params.yaml", profile_text("mine", pictures, resolution, "paper", "digits-cnn"))
    (cell,) = load_profile("params.yaml").cells.values()
    assert cell.generator == PAPER_GENERATORS[str(resolution)]
    assert cell.discriminator == PAPER_DISCRIMINATORS[str(resolution)]


def test_the_command_writes_both_files_and_says_what_comes_next(pictures, monkeypatch, capsys):
    monkeypatch.setattr(module, "profile_pipeline", lambda folder: f"stages of {folder}\n")
    main(["profile", "mine", "--images", str(pictures), "--resolution", "32"])
    profile = load_profile("pipelines/mine/params.yaml")
    assert profile.data["mine"].path == "my pictures"
    assert profile.features.weights.endswith("6726825d.pth")
    assert Path("pipelines/mine/dvc.yaml").read_text() == "stages of pipelines/mine\n"
    said = capsys.readouterr().out
    assert said.splitlines()[:2] == ["pipelines/mine/params.yaml", "pipelines/mine/dvc.yaml"]
    assert "ladabench plan --profile mine" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"resolution": 48}, "--resolution: given 48; expected one of 16, 32"),
        ({"images": Path("nowhere")}, "no folder at nowhere"),
        ({"images": Path("a{b,c}")}, "rename it"),
        ({"name": "my profile"}, "profile name: given 'my profile'"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_written(pictures, given, said):
    with pytest.raises(HarnessError, match=said):
        new_profile(**{"name": "mine", "images": pictures, "resolution": 32, **given})
    assert not Path("pipelines").exists()


def test_too_few_pictures_are_refused(pictures):
    for index in range(60):
        (pictures / f"{index}.png").unlink()
    with pytest.raises(HarnessError, match="holds 60 pictures; expected at least 100"):
        profile_text("mine", pictures, 32, "small", "digits-cnn")


def test_a_profile_that_is_there_is_left_alone(pictures):
    Path("pipelines/mine").mkdir(parents=True)
    with pytest.raises(HarnessError, match="exists already"):
        new_profile("mine", pictures, 32)
    assert list(Path("pipelines/mine").iterdir()) == []
