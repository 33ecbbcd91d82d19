"""Extractors for the tests. They are made once, because building Inception takes seconds."""

import numpy as np
import pytest

from harness.data.writer import ArrayWriter
from harness.metrics.classifier import train_digits_classifier
from harness.metrics.extractors import load_extractor


@pytest.fixture(scope="session")
def inception():
    return load_extractor("inception-v3", random_seed=0)


@pytest.fixture(scope="session")
def digits_weights(tmp_path_factory):
    """A classifier trained briefly on noise. Any features are good enough for these tests."""
    images = np.random.default_rng(0).integers(0, 256, (8, 3, 16, 16), dtype=np.uint8)
    out = tmp_path_factory.mktemp("extractor") / "digits-cnn.safetensors"
    train_digits_classifier(images, np.arange(8), 0, out)
    return out


@pytest.fixture(scope="session")
def digits_cnn(digits_weights):
    return load_extractor("digits-cnn", digits_weights)


@pytest.fixture
def images():
    return np.random.default_rng(1).integers(0, 256, (23, 3, 16, 16), dtype=np.uint8)


@pytest.fixture
def prepared(images, tmp_path):
    """Prepared images of another kind, as a reference."""
    writer = ArrayWriter(tmp_path / "prepared", "own", 16)
    writer.add("train", 255 - images)
    writer.finish({"kind": "test"}, {})
    return tmp_path / "prepared"
