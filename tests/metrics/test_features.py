import numpy as np
import pytest
import torch
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.metrics import calculate_metrics
from torch_fidelity.registry import register_feature_extractor
from torch_fidelity.utils import create_feature_extractor, get_featuresdict_from_dataset

from harness.errors import HarnessError
from harness.metrics.digits import DigitsFeatures
from harness.metrics.extractors import Extractor, load_extractor
from harness.metrics.features import OUTPUTS, features
from harness.metrics.fidelity import METRIC_LAYERS, PROVIDED, check_arguments
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.scores import raw_scores
from harness.tf32 import tf32


class Items(torch.utils.data.Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return torch.from_numpy(self.images[index])


class Spy(torch.nn.Module):
    """Wraps an extractor's module and records its calls."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.seen, self.modes, self.tf32 = inner, [], [], []

    def forward(self, batch):
        self.seen.append(batch.clone())
        self.modes.append(self.training or torch.is_grad_enabled())
        self.tf32.append(torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32)
        return self.inner(batch)

    def convert_features_tuple_to_dict(self, parts):
        return self.inner.convert_features_tuple_to_dict(parts)


class Registered(FeatureExtractorBase):
    """digits-cnn as torch-fidelity takes it."""

    def __init__(self, name, features_list, feature_extractor_weights_path, **_arguments):
        super().__init__(name, features_list)
        self.inner = DigitsFeatures(feature_extractor_weights_path)

    def forward(self, batch):
        found = self.inner.convert_features_tuple_to_dict(self.inner(batch))
        return tuple(found[name] for name in self.features_list)

    @staticmethod
    def get_provided_features_list():
        return PROVIDED

    @staticmethod
    def get_default_feature_layer_for_metric(metric):
        return METRIC_LAYERS[metric]

    @staticmethod
    def can_be_compiled():
        return False


register_feature_extractor("digits-cnn", Registered)


def test_each_image_passes_once_in_eval_mode_without_tf32(digits_cnn, images):
    spy = Spy(digits_cnn.module).train()
    before = torch.backends.cudnn.allow_tf32
    features(images, Extractor("digits-cnn", "label", "", spy), batch_size=5, progress=False)
    np.testing.assert_array_equal(torch.cat(spy.seen).numpy(), images)
    assert not any(spy.modes)
    assert not any(spy.tf32)
    assert spy.training
    assert torch.backends.cudnn.allow_tf32 == before


def test_tf32_is_restored_after_an_error():
    torch.backends.cudnn.allow_tf32 = True
    with pytest.raises(ZeroDivisionError), tf32(False):
        1 / torch.backends.cudnn.allow_tf32  # False inside
    assert torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_any_batch_size_gives_torch_fidelitys_features(digits_cnn, digits_weights, images, batch_size):
    theirs = create_feature_extractor("digits-cnn", list(PROVIDED), cuda=False, feature_extractor_weights_path=digits_weights)
    expected = get_featuresdict_from_dataset(Items(images), theirs, 23, cuda=False, save_cpu_ram=True, verbose=False)
    seen = features(images, digits_cnn, batch_size, progress=False)
    for name in OUTPUTS:
        assert getattr(seen, name).dtype == np.float32
        np.testing.assert_allclose(getattr(seen, name), expected[name].numpy(), rtol=1e-5, atol=1e-5)


def test_all_scores_agree_with_torch_fidelitys_own_run(digits_cnn, digits_weights, images):
    generated, reference = np.tile(images, (4, 1, 1, 1)), images[::-1].copy()
    generated[23:] = np.random.default_rng(2).integers(0, 256, generated[23:].shape, dtype=np.uint8)
    theirs = calculate_metrics(
        input1=Items(generated), input2=Items(reference), feature_extractor="digits-cnn", isc=True, fid=True, prc=True,
        feature_extractor_weights_path=digits_weights, cuda=False, cache=False, verbose=False, save_cpu_ram=True,
        samples_shuffle=False, isc_splits=1,
    )  # fmt: skip
    ours = raw_scores(*(features(x, digits_cnn, progress=False) for x in (generated, reference)), PROTOCOLS["images-train"])
    assert ours["fid"] == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)
    assert ours["is"] == pytest.approx(theirs["inception_score_mean"], rel=1e-6)
    assert (ours["precision"], ours["recall"]) == pytest.approx((theirs["precision"], theirs["recall"]), abs=1e-6)


@pytest.mark.parametrize(
    "bad",
    [np.zeros((3, 16, 16, 3), np.uint8), np.zeros((2, 3, 16, 16), np.float32), np.zeros((0, 3, 16, 16), np.uint8)],
)
def test_only_uint8_nchw_images_are_taken(digits_cnn, bad):
    with pytest.raises(HarnessError, match="expected a non-empty uint8 array"):
        features(bad, digits_cnn, progress=False)


def test_unknown_extractors_and_arguments_are_refused():
    with pytest.raises(HarnessError, match="did you mean 'inception-v3'"):
        load_extractor("inception-v2")
    with pytest.raises(HarnessError, match="unknown torch-fidelity argument"):
        check_arguments({"isc": True, "isc_split": 1})


def test_a_missing_gpu_is_reported(digits_weights, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(HarnessError, match="sees no GPU"):
        load_extractor("digits-cnn", digits_weights, "cuda:0")


def test_part_of_the_features(digits_cnn, images):
    seen = features(images, digits_cnn, progress=False)
    part = seen[np.array([4, 2])]
    assert len(part) == 2
    np.testing.assert_array_equal(part.logits, seen.logits[[4, 2]])
