"""The command `python -m harness.sample`, run in this process; the last test runs it as a user does."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_generators import SMALL

from harness.arithmetic import arithmetic
from harness.errors import HarnessError
from harness.files import sha256_file
from harness.metrics.adm import NpzSamples
from harness.metrics.pictures import PngFolder
from harness.metrics.sampling import generate, latents
from harness.pinned import PINS
from pipelines.commands.sample import PINNED, main
from pipelines.seeded import SeededPictures

GOLD = "276200283cc8c80763a588d42d063bd0a1df6f494bf445750497c9cfc5547896"  # sha256 of the pictures of seeds 0-7


@pytest.fixture
def sample(add_run):
    add_run()

    def command(*words):
        main(["lada", *map(str, words)])

    return command


def said_by(path):
    with Image.open(path) as picture:
        return json.loads(picture.text["made_by"])


def test_every_output_holds_the_same_pictures_and_says_how_they_were_made(sample, tmp_path, capsys):
    sample("--seeds", "0-9", "--grid", "g.png", "--folder", "pictures", "--npz", "s.npz")
    images = NpzSamples(tmp_path / "s.npz")[0:10]
    np.testing.assert_array_equal(PngFolder(tmp_path / "pictures")[:], images)
    sheet = np.asarray(Image.open("g.png"))
    assert sheet.shape == (2 * 34 + 2, 8 * 34 + 2, 3)
    np.testing.assert_array_equal(sheet[36:68:2, 36:68:2].transpose(2, 0, 1), images[9])
    said = said_by("g.png")
    assert said["weights_sha256"] == sha256_file("results/digits/runs/lada/g_ema.safetensors")
    assert (said["seeds"], said["truncation"]) == ("0-9", None)
    assert said["arithmetic"] == arithmetic()
    assert said_by("pictures/seed-000003.png")["seeds"] == "3"
    with np.load("s.npz", allow_pickle=False) as arrays:
        assert json.loads(str(arrays["made_by"])) == said
    assert "seeds 0-9 in g.png, s.npz, pictures" in capsys.readouterr().out


def test_a_picture_depends_on_its_seed_alone(sample):
    """Not on what else is asked for: no batch changes the rounding of a sum."""
    sample("--seeds", "0-20", "--folder", "many")
    sample("--seeds", "17,3", "--folder", "two")
    for seed in (3, 17):
        assert Path(f"many/seed-{seed:06d}.png").read_bytes() == Path(f"two/seed-{seed:06d}.png").read_bytes()
    sample("--seeds", "17", "--npz", "one.npz")
    sample("--seeds", "5,17", "--npz", "both.npz")
    np.testing.assert_array_equal(np.load("one.npz")["arr_0"][0], np.load("both.npz")["arr_0"][1])


def test_one_thread_computes_whatever_the_machine_offers(sample):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        sample("--seeds", "0", "--grid", "g.png")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_every_picture_is_computed_alone(add_run):
    _, generator = add_run()
    seen = []
    generator.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    assert len(SeededPictures(generator, range(5))[:]) == 5
    assert seen == [1] * 5


def test_a_seeds_picture_is_the_first_of_its_sequence_in_evaluation(add_run):
    _, generator = add_run()
    pictures = SeededPictures(generator, (4, 9))[:]
    for seed, picture in zip((4, 9), pictures, strict=True):
        np.testing.assert_array_equal(generate(generator, SMALL.noise_dim, 1, seed, batch=1)[0], picture)


@pytest.mark.skipif(arithmetic() != PINNED, reason="this machine's kernels cannot be pinned")
def test_the_pictures_are_those_of_every_machine(add_run):
    """Gold: weights and pictures, the same natively on an AMD EPYC and under an emulated Haswell (qemu)."""
    _, generator = add_run()
    pictures = SeededPictures(generator, range(8))[:]
    assert hashlib.sha256(pictures.tobytes()).hexdigest() == GOLD


def test_truncation_draws_again_what_lies_beyond_and_changes_nothing_else(add_run):
    _, generator = add_run()
    whole, cut = SeededPictures(generator, (1,)), SeededPictures(generator, (1,), truncation=0.7)
    for seed in range(20):
        before, after = whole.latent(seed), cut.latent(seed)
        torch.testing.assert_close(before, latents(SMALL.noise_dim, 1, seed), rtol=0, atol=0)
        inside = before.abs() <= 0.7
        assert torch.equal(before[inside], after[inside])
        assert after.abs().max() <= 0.7
        assert torch.equal(after, cut.latent(seed))


def test_a_walk_begins_and_ends_with_the_pictures_of_its_seeds(sample, add_run, tmp_path):
    sample("--seeds", "2,5,1", "--interpolation", "walk.gif", "--steps", "3")
    with Image.open("walk.gif") as walk:
        assert walk.n_frames == 7
        assert json.loads(walk.info["comment"])["made_by"]["seeds"] == "2,5,1"
        assert walk.size == (128 + 4 + 3 * 65, 132)  # the image, and three blocks' maps of two heads
    _, generator = add_run("again")
    pictures = SeededPictures(generator, (2, 5, 1))
    frames = pictures.between(3)
    for frame, image in zip(frames[::3], pictures[:], strict=True):
        np.testing.assert_array_equal(frame[0], image)
    assert [block.shape for block in frames[1][1]] == [(2, 16), (2, 64), (2, 256)]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--seeds 0-3", "no output is asked for"),
        ("--seeds 3-0 --grid g.png", "--seeds: given '3-0'"),
        ("--seeds 0 --grid g.jpg", "--grid: given g.jpg; expected a name that ends in .png"),
        ("--seeds 0 --grid there.png", "--grid: there.png exists; name another place, or replace it with --force"),
        ("--seeds 0 --folder results --force", "is a folder that this command did not make"),
        ("--seeds 0 --folder there.png --force", "is a file"),
        ("--seeds 0 --grid results.png --force", "is a folder that this command did not make"),
        ("--seeds 0-1 --interpolation w.mp4", "writes MP4; name a .gif"),
        ("--seeds 0 --interpolation w.gif", "expected at least 2 seeds"),
        ("--seeds 0-1 --interpolation w.gif --steps 0", "expected at least 2 seeds and 1 step"),
        ("--seeds 0-900 --interpolation w.gif", "at most 2,000 frames"),
        ("--seeds 0-4096 --grid g.png", "expected at most 4,096"),
        ("--seeds 0 --grid g.png --truncation 0.01", "expected at least 0.1"),
        ("--seeds 0 --grid g.png --truncation nan", "expected at least 0.1"),
        ("--seeds 0 --folder d --grid d/g.png", "do not lie in each other"),
        ("--seeds 0-999999 --npz a.npz --folder d", "expected one output for so many"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(sample, tmp_path, words, complaint):
    (tmp_path / "there.png").write_text("mine")
    (tmp_path / "results.png").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(HarnessError, match=complaint) as error:
        sample(*words.split())
    assert "\n" not in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "there.png").read_text() == "mine"


def test_force_replaces_outputs_and_only_folders_of_pictures(sample, tmp_path):
    sample("--seeds", "0-2", "--folder", "d", "--grid", "g.png")
    sample("--seeds", "3", "--folder", "d", "--grid", "g.png", "--force")
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["seed-000003.png"]
    assert said_by("g.png")["seeds"] == "3"


def test_a_generator_that_diverged_gives_no_picture(add_run):
    _, generator = add_run()
    with torch.no_grad():
        generator.output.conv.bias.fill_(torch.nan)
    with pytest.raises(HarnessError, match="picture of seed 6 is not finite"):
        SeededPictures(generator, (6,))[:]


@pytest.mark.slow
def test_as_a_user_runs_it(add_run):
    """From a shell without pins, on two threads or one, in its own process: the same bytes, and one line for a mistake."""
    add_run()
    env = {name: value for name, value in os.environ.items() if name not in PINS}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)

    def run(*words, threads="1"):
        command = [sys.executable, "-m", "harness.sample", "lada", *words]
        return subprocess.run(command, env=env | {"OMP_NUM_THREADS": threads}, capture_output=True, text=True, check=False)

    assert run("--seeds", "0-2", "--grid", "one.png").returncode == 0
    assert run("--seeds", "0-2", "--grid", "two.png", threads="2").returncode == 0
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()
    failed = run("--seeds", "0-2", "--grid", "one.png")
    assert (failed.returncode, failed.stderr.count("\n")) == (2, 1)
    assert failed.stderr.startswith("error: --grid: one.png exists")
