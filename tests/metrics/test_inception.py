import hashlib
import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from harness.errors import HarnessError
from harness.metrics import inception as module
from harness.metrics.extractors import Extractor, load_extractor
from harness.metrics.features import features
from harness.metrics.folded import fold, resized
from harness.metrics.frechet import frechet_from_features
from harness.metrics.inception import LAYERS, random_state, spatial_features
from harness.metrics.precision_recall import precision_recall


def test_random_weights_are_labelled_random_and_follow_the_seed(inception):
    assert inception.label == f"inception-v3-random@{inception.sha256[:8]}"
    assert module._state_hash(random_state(0)) == inception.sha256 != module._state_hash(random_state(1))


@pytest.fixture
def unmodified():
    """torch-fidelity's own network with the same random weights: pool features, logits and maps of the hooked layer."""
    file, maps = io.BytesIO(), []
    torch.save(random_state(0), file)
    file.seek(0)
    network = FeatureExtractorInceptionV3("plain", list(LAYERS.values()), file)
    network.Mixed_6d.branch1x1.register_forward_hook(lambda _m, _i, output: maps.append(output))

    def outputs(images):
        with torch.inference_mode():
            pool, logits = network(torch.from_numpy(images))
        return pool.numpy(), logits.numpy(), maps.pop().numpy()

    return outputs


def relative(given, expected):
    return np.linalg.norm(given - expected) / np.linalg.norm(expected)


def test_outputs_are_those_of_torch_fidelity_and_the_hooked_layer(inception, images, unmodified):
    seen, (pool, logits, maps) = features(images, inception, progress=False), unmodified(images)  # more than one part
    assert (seen.pool.shape, seen.spatial.shape, seen.logits.shape) == ((23, 2048), (23, 2023), (23, 1008))
    assert relative(seen.pool, pool) < 1e-5
    assert relative(seen.logits, logits) < 1e-5  # without the bias
    assert relative(seen.spatial, maps[:, :7].transpose(0, 2, 3, 1).reshape(23, -1)) < 1e-5
    y, x, c = 3, 11, 5
    assert seen.spatial[20, (y * 17 + x) * 7 + c] == pytest.approx(maps[20, c, y, x], rel=1e-4)
    assert (seen.spatial >= 0).all()  # after the ReLU
    assert seen.pool.std() > 0.01  # random weights still tell images apart


def test_an_images_features_do_not_depend_on_the_batch(inception, images):
    one, many = features(images, inception, 5, progress=False), features(images, inception, 23, progress=False)
    assert relative(one.pool, many.pool) < 1e-6


def test_scores_are_those_of_the_unmodified_network(inception, unmodified):
    rng = np.random.default_rng(2)
    generated, reference = (rng.integers(0, top, (40, 3, 8, 8), dtype=np.uint8) for top in (200, 256))
    ours = [features(part, inception, progress=False) for part in (generated, reference)]
    plain = [unmodified(part) for part in (generated, reference)]
    assert frechet_from_features(*(part.pool for part in ours)) == pytest.approx(
        frechet_from_features(*(part[0] for part in plain)), rel=1e-5
    )
    assert precision_recall(*(part.pool for part in ours)) == precision_recall(*(part[0] for part in plain))


def test_a_folded_network_that_computes_something_else_is_refused(images, monkeypatch):
    def without_shift(network):
        fold(network)
        network.Mixed_7c.branch1x1.conv.bias.zero_()

    monkeypatch.setattr(module, "fold", without_shift)
    state = random_state(0)
    state["Mixed_7c.branch1x1.bn.bias"] += 0.01
    with pytest.raises(HarnessError, match=r"folded Inception's pool differ by .*e-0\d from torch-fidelity's on cpu"):
        features(images[:1], Extractor("inception-v3", "random", "", module.from_state(state)), progress=False)


def test_spatial_index_map():
    maps = torch.arange(2 * 9 * 17 * 17).float().reshape(2, 9, 17, 17)
    flat = spatial_features(maps)
    assert flat.shape == (2, 17 * 17 * 7)
    for y, x, c in ((0, 0, 6), (16, 2, 0), (5, 16, 3)):
        assert flat[1, (y * 17 + x) * 7 + c] == maps[1, c, y, x]


@pytest.mark.parametrize("side", [8, 32, 100, 299, 400])
def test_the_resize_along_one_axis_and_then_the_other_is_torch_fidelitys_bit_for_bit(side):
    given = torch.from_numpy(np.random.default_rng(side).integers(0, 256, (2, 3, side, side + 5)).astype(np.float32))
    assert torch.equal(resized(given, 299), interpolate_bilinear_2d_like_tensorflow1x(given, (299, 299), align_corners=False))


@pytest.mark.parametrize("name", ["pool", "spatial", "logits"])
def test_any_single_output_can_be_asked_for(inception, images, name):
    wanted, inception.module.features_list = inception.module.features_list, [name]
    try:
        (out,) = inception.module(torch.from_numpy(images[:1]))
    finally:
        inception.module.features_list = wanted
    np.testing.assert_allclose(out.numpy(), getattr(features(images[:1], inception, progress=False), name), rtol=1e-6)


def tf1_resize(image, size):
    """TensorFlow 1's legacy bilinear resize of one channel (H, W): source = target * in/out, no half-pixel centres."""
    out = np.empty((size, size), np.float32)
    for axis_y in range(size):
        fy = np.float32(axis_y) * np.float32(image.shape[0] / size)
        y0 = int(fy)
        y1, dy = min(y0 + 1, image.shape[0] - 1), fy - np.float32(y0)
        for axis_x in range(size):
            fx = np.float32(axis_x) * np.float32(image.shape[1] / size)
            x0 = int(fx)
            x1, dx = min(x0 + 1, image.shape[1] - 1), fx - np.float32(x0)
            top = image[y0, x0] + (image[y0, x1] - image[y0, x0]) * dx
            bottom = image[y1, x0] + (image[y1, x1] - image[y1, x0]) * dx
            out[axis_y, axis_x] = top + (bottom - top) * dy
    return out


def test_resize_is_tensorflow_1s_bit_for_bit_and_not_torchs():
    image = np.random.default_rng(0).integers(0, 256, (32, 48)).astype(np.float32)
    given = torch.from_numpy(image)[None, None]
    ours = interpolate_bilinear_2d_like_tensorflow1x(given, size=(99, 99), align_corners=False)[0, 0].numpy()
    np.testing.assert_array_equal(ours, tf1_resize(image, 99))
    torchs = F.interpolate(given, size=(99, 99), mode="bilinear", align_corners=False)[0, 0].numpy()
    assert np.abs(ours - torchs).max() > 3


def test_a_file_with_another_hash_is_refused_before_it_is_opened(tmp_path, monkeypatch):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1)}, path)
    monkeypatch.setattr(torch, "load", lambda *_a, **_k: pytest.fail("opened"))
    with pytest.raises(HarnessError, match=hashlib.sha256(path.read_bytes()).hexdigest()):
        load_extractor("inception-v3", path)


def test_the_pinned_file_is_read_without_executing_anything(tmp_path, monkeypatch):
    path = tmp_path / "weights.pth"
    torch.save(random_state(3), path)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    extractor = load_extractor("inception-v3", path)
    assert extractor.label == "inception-v3"
    torch.testing.assert_close(extractor.module.fc.weight, random_state(3)["fc.weight"])
    path.write_bytes(b"not a pickle")
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(HarnessError, match="cannot read"):
        load_extractor("inception-v3", path)


def test_the_download_asks_for_the_hash_and_a_failure_says_what_to_do(tmp_path, monkeypatch):
    def no_network(url, path, checksum, max_bytes):
        assert (url, checksum) == (module.URL_INCEPTION_V3, f"sha256:{module.SHA256}")
        assert (path.parent, max_bytes >> 20) == (tmp_path / "checkpoints", 128)
        raise HarnessError("no network")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(module, "fetch", no_network)
    with pytest.raises(HarnessError, match="no network"):
        load_extractor("inception-v3")


def test_the_pinned_hash_is_the_one_in_the_published_file_name():
    assert f"-{module.SHA256[:8]}.pth" in module.URL_INCEPTION_V3
