"""Checkpoints that TensorFlow wrote. Our networks compute from them what TensorFlow computed."""

from pathlib import Path

import numpy as np
import pytest
import tf_graph
import torch

from harness.errors import HarnessError
from lada.tensorflow import SUFFIX
from pipelines.published.convert import read_published
from tests.checkpoints.networks import network_of

HERE = Path(__file__).parent / "published"
NAMES = ("pixel32", "decoder128")
ROWS = [*range(4), *range(62, 66), *range(124, 128)]  # of decoder128's images, which are kept in parts (reduce.py)


@pytest.fixture(scope="module")
def read():
    folders = {name: read_published(HERE / name) for name in NAMES}
    return folders.__getitem__


@pytest.fixture(scope="module")
def expected():
    arrays = {name: dict(np.load(HERE / name / "expected.npz")) for name in NAMES}
    return arrays.__getitem__


@torch.no_grad()
def images(network, z):
    """(B, H, W, 3) and the maps, as TensorFlow has them; of 128 pixels the kept rows."""
    img, maps = network(torch.from_numpy(z), return_maps=True)
    img = img.permute(0, 2, 3, 1).numpy()
    return (img[:, ROWS] if img.shape[1] == 128 else img), [weights.numpy() for weights in maps]


def close(ours, theirs, tolerance=1e-5):
    """The largest difference is within `tolerance` of the largest value."""
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize("name", NAMES)
def test_the_average_makes_tensorflows_images_and_maps(read, expected, name):
    out, maps = images(network_of(read(name)), expected(name)["z"])
    close(out[: len(expected(name)["out"])], expected(name)["out"])
    for i, weights in enumerate(maps):
        theirs = expected(name)[f"map{i}"]
        close(weights[: len(theirs)], theirs)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_pictures_up_to_one_level_in_3e_5_of_the_values(read, expected, name):
    out, _ = images(network_of(read(name)), expected(name)["z"])
    ours = np.clip(out * 127.5 + 127.5, 0, 255).astype(np.uint8).astype(int)
    differences = np.abs(ours - expected(name)["out_uint8"])
    assert differences.max() <= 1
    assert np.count_nonzero(differences) <= max(1, round(3e-5 * differences.size))


def test_the_raw_generator_makes_its_own_images_which_the_average_does_not(read, expected):
    z, theirs = expected("decoder128")["z"][:2], expected("decoder128")["out_generator"]
    close(images(network_of(read("decoder128"), "generator"), z)[0], theirs)
    average, _ = images(network_of(read("decoder128")), z)
    assert np.abs(average - theirs).max() > np.abs(theirs).max()


def test_the_discriminator_gives_tensorflows_logits(read, expected):
    img = torch.from_numpy(expected("decoder128")["d_x"].astype(np.float32)).permute(0, 3, 1, 2)
    with torch.no_grad():
        logits = network_of(read("decoder128"), "discriminator")(img).numpy()
    close(logits, expected("decoder128")["d_out"])


def graph_values(published, prefix):
    """{path below `prefix`: float64 values in TensorFlow's layout}."""
    named = {key.removesuffix(SUFFIX): value.double().numpy() for key, value in published.tensors.items()}
    return {key.removeprefix(f"{prefix}/"): value for key, value in named.items() if key.startswith(f"{prefix}/")}


@pytest.mark.parametrize("name", NAMES)
def test_generators_in_float64_are_the_graph_in_numpy(read, expected, name):
    published, z = read(name), expected(name)["z"][:2].astype(np.float64)
    stages = len(published.generator.decoder_dims)
    theirs, their_maps = tf_graph.generator(graph_values(published, "ema_generator"), z, (8, 16, 32), 4, stages=stages)
    theirs = theirs[:, ROWS] if name == "decoder128" else theirs
    ours, maps = images(network_of(published).double(), z)
    close(ours, theirs, 1e-10)
    for weights, their_weights in zip(maps, their_maps, strict=True):
        close(weights, their_weights, 1e-10)
    close(expected(name)["out"], theirs)  # and the graph in numpy is TensorFlow's


def test_the_discriminator_in_float64_is_the_graph_in_numpy(read, expected):
    published, img = read("decoder128"), expected("decoder128")["d_x"].astype(np.float64)
    theirs = tf_graph.discriminator(graph_values(published, "discriminator"), img, 3, 4)
    with torch.no_grad():
        ours = network_of(published, "discriminator").double()(torch.from_numpy(img).permute(0, 3, 1, 2)).numpy()
    close(ours, theirs, 1e-10)
    close(expected("decoder128")["d_out"], theirs)


@pytest.mark.parametrize("missing", ["config.json", "best-training-checkpoints/checkpoint"])
def test_what_is_missing_is_named(published, missing):
    folder = published("pixel32")
    (folder / missing).unlink()
    with pytest.raises(HarnessError, match=rf"no file at .*/{missing}; expected the folder as published"):
        read_published(folder)


def test_files_of_another_number_than_their_name_says_are_refused(published):
    checkpoints = published("pixel32") / "best-training-checkpoints"
    for path in checkpoints.glob("ckpt-4096.*"):
        path.rename(path.with_name(path.name.replace("4096", "8192")))
    (checkpoints / "checkpoint").write_text('model_checkpoint_path: "ckpt-8192"\n')
    with pytest.raises(HarnessError, match=r"ckpt-8192\.index: given n_images 4096; expected the number in its name"):
        read_published(checkpoints.parent)


def test_a_configuration_of_another_checkpoint_is_refused_naming_the_variable(published):
    folder = published("pixel32")
    (folder / "config.json").write_bytes((HERE / "decoder128" / "config.json").read_bytes())
    with pytest.raises(HarnessError, match=r"ckpt-4096: ema_generator/init/.* \(2048, 16\); expected the checkpoint"):
        read_published(folder).generator_state()


@pytest.mark.parametrize("content", ["", '{"img_size": 32}', '{"d_dim": 1}'])
def test_a_configuration_that_is_none_is_refused(published, content):
    folder = published("pixel32")
    (folder / "config.json").write_text(content)
    with pytest.raises(HarnessError, match=r"config\.json: .*; expected"):
        read_published(folder)
