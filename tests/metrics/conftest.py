"""Extractors shared by the tests: made once, because Inception takes seconds to build."""

import numpy as np
import pytest

from harness.metrics.classifier import train_digits_classifier
from harness.metrics.extractors import load_extractor


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes minutes; run with `-m slow`")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.get_closest_marker("slow") and "slow" not in config.option.markexpr:
            item.add_marker(pytest.mark.skip(reason="takes minutes; run with -m slow"))


@pytest.fixture(scope="session")
def inception():
    return load_extractor("inception-v3", random_seed=0)


@pytest.fixture(scope="session")
def digits_weights(tmp_path_factory):
    """A classifier of noise: trained for a moment only, its features are as good as any for these tests."""
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
