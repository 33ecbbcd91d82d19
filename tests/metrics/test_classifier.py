import hashlib

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits

from harness.arithmetic import arithmetic
from harness.errors import HarnessError
from harness.files import sha256_file
from harness.metrics import classifier
from harness.metrics.classifier import SHA256, WEIGHTS, train_digits_classifier
from harness.metrics.digits import read_facts
from harness.metrics.extractors import load_extractor
from harness.metrics.features import features
from pipelines.extractor import train_committed


@pytest.fixture(scope="module")
def digits():
    scans = load_digits()
    scaled = (scans.images * 15.9).astype(np.uint8)
    resized = np.stack([np.array(Image.fromarray(scan).resize((16, 16), Image.BILINEAR)) for scan in scaled])
    order = np.random.default_rng(0).permutation(len(scaled))  # the set's last digits are other writers'
    return np.repeat(resized[:, None], 3, axis=1)[order], scans.target.astype(np.int64)[order]


@pytest.fixture(scope="module")
def remade(tmp_path_factory):
    """The classifier trained again as the committed one was."""
    folder = tmp_path_factory.mktemp("remade")
    return folder / "digits-cnn.safetensors", train_committed(folder / "digits", folder / "digits-cnn.safetensors")


@pytest.mark.slow
def test_it_learns_to_read_the_digits(remade):
    out, facts = remade
    assert facts["accuracy"] > 0.95
    assert read_facts(out) == facts
    assert (facts["seed"], facts["train_count"]) == (0, 1437)


@pytest.mark.skipif(arithmetic() != "x86-64-avx2", reason=f"this process computes in {arithmetic()}, not in x86-64-avx2")
def test_the_committed_file_is_what_its_stage_makes(remade):
    assert sha256_file(remade[0]) == sha256_file(WEIGHTS) == SHA256


def test_the_pinned_weights_bear_the_bare_name():
    extractor = load_extractor("digits-cnn")
    assert (extractor.label, extractor.sha256) == ("digits-cnn", SHA256)


def test_a_changed_committed_file_is_refused(tmp_path, monkeypatch):
    changed = bytearray(WEIGHTS.read_bytes())
    changed[-1] ^= 1
    (tmp_path / "changed").write_bytes(changed)
    monkeypatch.setattr("harness.metrics.digits.WEIGHTS", tmp_path / "changed")
    with pytest.raises(HarnessError, match="restore the file from Git"):
        load_extractor("digits-cnn")


def test_one_seed_gives_one_file_and_leaves_the_global_state_alone(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(classifier, "EPOCHS", 1)
    images, labels = digits
    state, hashes, weights = torch.random.get_rng_state(), [], []
    for seed in (0, 0, 1):
        out = tmp_path / "digits-cnn.safetensors"
        train_digits_classifier(images[:100], labels[:100], seed, out)
        hashes.append(hashlib.sha256(out.read_bytes()).hexdigest())
        weights.append(load_file(out)["fc.weight"])
    assert hashes[0] == hashes[1] != hashes[2]
    assert not torch.equal(weights[0], weights[2])
    load_extractor("digits-cnn", out)
    assert torch.equal(state, torch.random.get_rng_state())


def test_features_and_label(digits_weights, digits_cnn, images):
    assert digits_cnn.sha256 == hashlib.sha256(digits_weights.read_bytes()).hexdigest()
    assert digits_cnn.label == f"digits-cnn@{digits_cnn.sha256[:8]}"
    seen = features(images, digits_cnn, progress=False)
    assert (seen.pool.shape, seen.spatial.shape, seen.logits.shape) == ((23, 64), (23, 8 * 8 * 7), (23, 10))
    middle = digits_cnn.module.model(classifier.to_input(torch.from_numpy(images)))[0]
    y, x, c = 2, 5, 3
    np.testing.assert_allclose(seen.spatial[4, (y * 8 + x) * 7 + c], middle[4, c, y, x].item(), rtol=1e-5)
    larger = np.repeat(np.repeat(images, 2, axis=2), 2, axis=3)  # TF1's resize by 1/2 picks every other pixel
    np.testing.assert_allclose(features(larger, digits_cnn, progress=False).pool, seen.pool, rtol=1e-5)


def test_bad_input_is_refused(tmp_path, images):
    with pytest.raises(HarnessError, match="N labels"):
        train_digits_classifier(images, np.arange(3), 0, tmp_path / "x")
    with pytest.raises(HarnessError, match="random weights"):
        load_extractor("digits-cnn", random_seed=0)


@pytest.mark.parametrize("content", [b"", b"\x10\0\0\0\0\0\0\0{garbage}", None])
def test_a_file_that_is_not_its_weights_is_refused(tmp_path, content):
    path = tmp_path / "digits-cnn.safetensors"
    if content is None:
        save_file({"fc.bias": classifier.DigitsClassifier().fc.bias.detach()}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(HarnessError, match=r"python -m pipelines\.extractor"):
        load_extractor("digits-cnn", path)
