import dataclasses

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.metrics.anchors import NOISE, Noised, scale_anchors
from harness.metrics.features import Features, features
from harness.metrics.metric import METRICS
from harness.metrics.protocol import PAPER_LABEL, PROTOCOLS, Protocol, comparability
from harness.metrics.scores import judge, scores

WORDS = set(METRICS)
PAPER = Protocol("toy", "toy", "train", generated=40, reference=30, paper=True)


def made_up(count, label, seed=0):
    rng = np.random.default_rng(seed)
    sizes = {"pool": 5, "spatial": 6, "logits": 4}
    return Features(**{k: rng.standard_normal((count, d)).astype(np.float32) for k, d in sizes.items()}, label=label)


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "toy", PAPER)
    return PAPER


def test_only_the_pinned_weights_under_the_whole_protocol_are_called_fid(toy):
    values = scores(made_up(40, PAPER_LABEL), made_up(30, PAPER_LABEL, 1), toy)
    assert set(values) == WORDS
    assert comparability(toy, PAPER_LABEL, 40, 30) == ("paper", [])


def test_other_counts_are_a_mismatch_with_its_reason(toy):
    level, reasons = comparability(toy, PAPER_LABEL, 40, 29)
    assert (level, reasons) == ("protocol-mismatch", ["29 reference images, the protocol's count is 30"])
    values = scores(made_up(20, PAPER_LABEL), made_up(20, PAPER_LABEL, 1), toy.reduced(20, 20))
    assert set(values) == {metric.proxy_label(PAPER_LABEL) for metric in METRICS.values()}


@pytest.mark.parametrize("label", ["digits-cnn@0123abcd", "digits-cnn", "inception-v3-random@6726825d", "inception-v3@00000000"])
def test_other_weights_are_comparable_with_nothing(toy, label):
    level, reasons = comparability(toy, label, 40, 30)
    assert level == "none"
    assert label in reasons[0]
    values = scores(made_up(40, label), made_up(30, label, 1), toy)
    assert set(values) == {metric.proxy_label(label) for metric in METRICS.values()}


@pytest.mark.parametrize("name", ["digits-train", "digits-test", "images-train", "images-test"])
def test_protocols_outside_the_paper_are_comparable_with_nothing(name):
    assert comparability(PROTOCOLS[name], PAPER_LABEL, 10, 10)[0] == "none"


def test_random_inception_never_prints_a_protected_word(inception, images):
    seen = features(images[:6], inception, progress=False)
    values = scores(seen, seen[::-1], PROTOCOLS["images-train"])
    assert not WORDS & set(values)
    assert all("inception-v3-random@" in key for key in values)


def test_too_few_images_and_mixed_features_are_refused(toy):
    with pytest.raises(HarnessError, match="given 39 generated images; protocol toy needs 40"):
        scores(made_up(39, PAPER_LABEL), made_up(30, PAPER_LABEL), toy)
    with pytest.raises(HarnessError, match="given 29 reference images; protocol toy needs 30"):
        scores(made_up(40, PAPER_LABEL), made_up(29, PAPER_LABEL), toy)
    with pytest.raises(HarnessError, match="needs 30"):
        scores(made_up(29, "a"), made_up(30, "a"), PROTOCOLS["digits-train"])
    with pytest.raises(HarnessError, match="one extractor"):
        scores(made_up(40, "a"), made_up(40, "b"), toy)


def test_anchors_carry_the_labels_and_grow_with_the_noise(digits_cnn):
    images = np.tile(np.linspace(0, 255, 16, dtype=np.uint8), (90, 3, 16, 1))
    images = (images * np.random.default_rng(0).random((90, 3, 1, 1))).astype(np.uint8)
    anchors = scale_anchors(images, digits_cnn, PROTOCOLS["digits-train"], seed=0, progress=False)
    assert list(anchors) == ["half-against-half", *(f"noise-{strength}" for strength in NOISE)]
    distances = [anchors[f"noise-{strength}"][f"fd/{digits_cnn.label}"] for strength in NOISE]
    assert 0 < distances[0] < distances[1] < distances[2]
    assert not any(WORDS & set(values) for values in anchors.values())


def test_noise_does_not_depend_on_the_batch(images):
    noised = Noised(images, 20, seed=1)
    np.testing.assert_array_equal(np.concatenate([noised[:7], noised[7:]]), noised[:])
    assert not np.array_equal(noised[:], Noised(images, 20, seed=2)[:])


def test_another_picture_size_or_channel_count_is_never_the_papers(monkeypatch):
    protocol = dataclasses.replace(PAPER, resolution=32)
    monkeypatch.setitem(PROTOCOLS, "toy", protocol)

    def level(generated, reference, label=PAPER_LABEL):
        seen = dataclasses.replace(made_up(40, label), image_shape=generated)
        return judge(seen, dataclasses.replace(made_up(30, label, 1), image_shape=reference), protocol)

    assert level((3, 32, 32), (3, 32, 32)) == ("paper", [])
    assert level((3, 64, 64), (3, 32, 32)) == (
        "protocol-mismatch",
        [
            "generated pictures are 64x64 pixels in 3 channels, the protocol's are 32x32 pixels in 3 channels",
            "generated pictures are 64x64 pixels in 3 channels, the reference's are 32x32 pixels in 3 channels",
        ],
    )
    assert level((1, 32, 32), (3, 32, 32))[0] == "protocol-mismatch"
    assert level((3, 16, 16), (3, 16, 16))[0] == "protocol-mismatch"
    assert level((3, 32, 32), (3, 32, 32), "a")[0] == "none"


def test_every_protocol_of_the_paper_states_its_size_and_either_order_of_its_inception_score_is_the_papers(toy):
    assert all(protocol.resolution for protocol in PROTOCOLS.values() if protocol.paper and protocol is not toy)
    assert comparability(dataclasses.replace(toy, is_order="adm"), PAPER_LABEL, 40, 30) == ("paper", [])


def test_anchors_compute_their_distances_on_the_device_given(digits_cnn, images, monkeypatch):
    used = []
    monkeypatch.setattr("harness.metrics.anchors.scores", lambda *given: used.append(given[3]) or {})
    scale_anchors(images, digits_cnn, PROTOCOLS["digits-train"], seed=0, progress=False, device="cuda:3")
    assert used == ["cuda:3"] * (1 + len(NOISE))
