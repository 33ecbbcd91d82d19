"""The command `python -m harness.metrics`, run in this process; the last test runs it as a user does."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from harness.data.writer import ArrayWriter
from harness.errors import HarnessError
from harness.metrics.__main__ import main
from harness.metrics.adm import write_samples, write_statistics
from harness.metrics.features import features
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.scores import scores

PROTECTED = re.compile(r'"(fid|sfid|is|precision|recall)":')


@pytest.fixture
def generated(images, tmp_path):
    folder = tmp_path / "generated"
    (folder / "deeper").mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / ("deeper" if number > 20 else "") / f"{number:03d}.png")
    return folder


@pytest.fixture
def reference(images, tmp_path):
    writer = ArrayWriter(tmp_path / "reference", "own", 16)
    writer.add("train", 255 - images)
    writer.add("test", images[:9])
    writer.finish({"kind": "test"}, {})
    return tmp_path / "reference"


@pytest.fixture
def run(capsys, digits_weights, tmp_path):
    def command(*arguments, protocol="images-train", extractor=("--extractor", "digits-cnn", "--weights", digits_weights)):
        cache = ("--cache", tmp_path / "cache")
        main([str(a) for a in ("--protocol", protocol, *extractor, *cache, *arguments)])
        return json.loads(capsys.readouterr().out)  # JSON and nothing else

    return command


def test_png_folder_against_prepared_images(run, generated, reference, images, digits_cnn):
    found = run("--generated", generated, "--reference", reference)
    order = sorted(range(23), key=lambda n: str(generated / ("deeper" if n > 20 else "") / f"{n:03d}.png"))
    seen = features(images[order], digits_cnn, progress=False)
    expected = scores(seen, features(255 - images, digits_cnn, progress=False), PROTOCOLS["images-train"])
    assert found["scores"] == pytest.approx(expected, rel=1e-5)
    assert found["counts"] == {"generated": 23, "reference": 23}
    assert found["comparability"]["level"] == "none"
    assert found["extractor"] == {"name": "digits-cnn", "label": digits_cnn.label, "sha256": digits_cnn.sha256}


def test_npz_of_samples_against_npz_of_statistics_or_samples(run, tmp_path, images, digits_cnn):
    write_samples(tmp_path / "g.npz", images)
    write_samples(tmp_path / "r.npz", 255 - images)
    seen = [features(part, digits_cnn, progress=False) for part in (images, 255 - images)]
    expected = scores(*seen, PROTOCOLS["images-train"])
    found = run("--generated", tmp_path / "g.npz", "--reference", tmp_path / "r.npz")
    assert found["scores"] == expected
    write_statistics(tmp_path / "s.npz", seen[1])
    found = run("--generated", tmp_path / "g.npz", "--reference", tmp_path / "s.npz")
    distance = f"fd/{digits_cnn.label}"
    assert found["scores"][distance] == pytest.approx(expected[distance], rel=1e-3)  # fewer images than features
    assert not any(name.startswith("precision") for name in found["scores"])


def test_several_sets_give_mean_and_sd_and_the_extras_stay_apart(run, tmp_path, images, reference, digits_cnn):
    for number in range(3):
        write_samples(tmp_path / f"{number}.npz", np.roll(images, number, axis=3))
    sets = [tmp_path / f"{number}.npz" for number in range(3)]
    found = run("--reference", reference, "--sample-size", "--matrix", "--generated", *sets)
    distance = found["scores"][f"fd/{digits_cnn.label}"]
    assert distance["runs"] == 3
    assert distance["sd"] > 0
    assert set(found["sample_size"]) == {"score", "counts", "values", "slope", "at_infinity"}
    rows = {row["row"]: row for row in found["matrix"]}
    assert rows["reference split"]["what differs"] == "reference is the test split"
    assert "scores" in rows["reference split"]


@pytest.mark.slow
def test_the_paper_path_at_reduced_counts_with_random_inception_weights(run, tmp_path, capsys):
    rng = np.random.default_rng(0)
    writer = ArrayWriter(tmp_path / "cifar10", "cifar10", 32)
    writer.add("train", rng.integers(0, 256, (12, 3, 32, 32), dtype=np.uint8))
    writer.finish({"kind": "test"}, {"resolution": 32})
    write_samples(tmp_path / "g.npz", rng.integers(0, 256, (9, 3, 32, 32), dtype=np.uint8))
    arguments = ("--generated", tmp_path / "g.npz", "--reference", tmp_path / "cifar10")
    random = {"protocol": "cifar10-50k", "extractor": ("--random-weights", 0)}
    with pytest.raises(HarnessError, match=r"preparation\.checksum is None"):
        run(*arguments, **random)
    found = run(*arguments, "--reduced", 8, **random)
    assert found["counts"] == {"generated": 8, "reference": 8}
    assert found["comparability"]["level"] == "none"
    assert all("/inception-v3-random@" in name for name in found["scores"])
    assert not PROTECTED.search(json.dumps(found))


@pytest.mark.parametrize("kind", ["jpeg", "alpha", "truncated", "sizes", "empty", "missing"])
def test_bad_pictures_are_refused(run, generated, reference, kind):
    target = generated / "000.png"
    if kind == "jpeg":
        Image.new("RGB", (16, 16)).save(generated / "x.jpg")
    if kind == "alpha":
        Image.new("RGBA", (16, 16)).save(target)
    if kind == "truncated":
        target.write_bytes(target.read_bytes()[:100])
    if kind == "sizes":
        Image.new("RGB", (16, 17)).save(generated / "002.png")
    if kind == "empty":
        generated = generated.parent / "nothing"
        generated.mkdir()
    if kind == "missing":
        generated = generated / "nowhere"
    message = {
        "jpeg": "lossy compression changes every score",
        "alpha": "mode RGBA",
        "truncated": "no readable PNG",
        "sizes": "16x16",
        "empty": "no PNG files",
        "missing": "no pictures",
    }[kind]
    with pytest.raises(HarnessError, match=message):
        run("--generated", generated, "--reference", reference)


def test_bad_names_are_refused(run, generated, reference):
    with pytest.raises(HarnessError, match="did you mean 'cifar10-50k'"):
        run("--generated", generated, "--reference", reference, protocol="cifar-50k")
    with pytest.raises(HarnessError, match="unknown extractor"):
        run("--generated", generated, "--reference", reference, extractor=("--extractor", "vgg"))
    with pytest.raises(HarnessError, match=r"is not the reference of protocol digits-train: name is 'own'"):
        run("--generated", generated, "--reference", reference, protocol="digits-train")
    with pytest.raises(HarnessError, match="--reduced: given 7; expected at least 8 images"):
        run("--generated", "not", "--reference", "looked at", "--reduced", 7)


@pytest.mark.slow
def test_a_user_sees_one_line_and_exit_status_2(generated, reference, digits_weights):
    command = [sys.executable, "-m", "harness.metrics", "--generated", generated, "--reference", reference]
    command += ["--protocol", "images-train", "--weights", digits_weights]  # not Inception's
    found = subprocess.run(command, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.count("\n") == 1
    assert "error: given Inception weights" in found.stderr
