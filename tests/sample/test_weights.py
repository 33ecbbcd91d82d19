"""Every form in which weights lie on disk gives the generator that was written, or one line."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_generators import PUBLISHED, SMALL, drawn

from harness.errors import HarnessError
from harness.files import sha256_file, write_json
from pipelines.published.convert import convert
from pipelines.weights import open_weights


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture
def model_folder(tmp_path):
    """A folder as harness.publish writes it."""
    folder, generator = tmp_path / "model", drawn()
    folder.mkdir()
    save_file(generator.state_dict(), folder / "model.safetensors")
    write_json(folder / "config.json", {**asdict(SMALL), "attention": "lada"})
    return folder, generator


def test_a_cell_by_its_name_its_folder_or_a_file_of_it(add_run):
    folder, generator = add_run("own-cell", "swin")
    for given in ("own-cell", str(folder), str(folder / "g_ema.safetensors"), str(folder / "run.json")):
        weights = open_weights(given)
        assert weights.label == "digits/own-cell"
        assert weights.sha256 == sha256_file(folder / "g_ema.safetensors")
        assert same(weights.generator.state_dict(), generator.state_dict())
    assert open_weights(str(folder / "g_ema-000000640.safetensors")).label == "digits/own-cell, g_ema-000000640.safetensors"


def test_a_model_folder(model_folder):
    folder, generator = model_folder
    for given in (folder, folder / "model.safetensors"):
        weights = open_weights(str(given))
        assert (weights.label, weights.generator.config) == ("model", SMALL)
        assert same(weights.generator.state_dict(), generator.state_dict())
    assert not weights.generator.training
    assert not any(parameter.requires_grad for parameter in weights.generator.parameters())


def test_published_weights_converted_or_as_they_are_give_tensorflows_pictures(tmp_path):
    convert(PUBLISHED / "pixel32", tmp_path / "published.safetensors")
    arrays = np.load(PUBLISHED / "pixel32/expected.npz")
    for given in (tmp_path / "published.safetensors", PUBLISHED / "pixel32"):
        weights = open_weights(str(given))
        assert weights.label == "published weights, ckpt-4096"
        img = weights.generator(torch.from_numpy(arrays["z"][:2])).permute(0, 2, 3, 1).numpy()
        np.testing.assert_allclose(img, arrays["out"], rtol=0, atol=1e-5 * np.abs(arrays["out"]).max())


def test_a_cell_of_several_profiles_needs_the_profile(add_run):
    add_run("one")
    add_run("one", profile="paper")
    with pytest.raises(HarnessError, match="trained in digits, paper; expected --profile"):
        open_weights("one")
    assert open_weights("one", "paper").label == "paper/one"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("lad", "no trained weights of lad at results/<profile>/runs/lad"),
        ("../lada", "nothing at ../lada"),
        ("a*", "expected letters"),
        ("missing.safetensors", "nothing at missing.safetensors"),
        (".", "holds no weights"),
        ("notes.txt", "notes.txt is no readable safetensors file"),
        ("foreign.safetensors", "does not say of which network it is"),
        ("results/digits/runs/lada/own.safetensors", "unknown weights in"),
    ],
)
def test_what_is_no_weights_is_one_line(add_run, given, words):
    folder, _ = add_run()
    with open("notes.txt", "w") as file:
        file.write("no weights")
    for path in ("foreign.safetensors", folder / "own.safetensors"):
        save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(HarnessError, match="(?s)" + words.replace("*", r"\*")) as error:
        open_weights(given)
    assert "\n" not in str(error.value)


def test_a_damaged_run_is_named(add_run):
    folder, _ = add_run()
    path = folder / "g_ema.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(HarnessError, match="is damaged"):
        open_weights("lada")
    path.unlink()
    with pytest.raises(HarnessError, match="no file at"):
        open_weights("lada")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda config: config.update(attention="lad"), "did you mean 'lada'"),
        (lambda config: config.update(attention=["lada"]), "unknown attention"),
        (lambda config: config.update(dim=3), "unknown key in"),
        (lambda config: config.update(dims="32"), "expected a list"),
        (lambda config: config.update(noise_dim=2**62), "expected the weights that .* describes"),
        (lambda config: config.update(dims=[2**62] + [16] * 60, resolution=2**62), "expected the weights that .* describes"),
        (lambda config: config.update(mlp_dim=11), "expected the weights that .* describes"),
        (lambda config: config.update(modulation=False), "expected the weights that .* describes"),
    ],
)
def test_a_configuration_that_is_wrong_or_of_another_network_is_refused(model_folder, change, words):
    folder, _ = model_folder
    config = json.loads((folder / "config.json").read_text())
    change(config)
    write_json(folder / "config.json", config)
    with pytest.raises(HarnessError, match=words):
        open_weights(str(folder))
