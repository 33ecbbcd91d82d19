"""The authors' config.json: every key understood or refused by name."""

import json
from pathlib import Path

import pytest

from lada.tensorflow_config import NETWORK_KEYS, TRAINING_KEYS, published_configs

CONFIG = json.loads((Path(__file__).parent / "published" / "pixel32" / "config.json").read_text())
WRONG = {
    "g_heads": [[4, 4, 2], 4, [4, 4], [], [3] * 3],
    "g_mlp": [[32, 32, 16], [0] * 3, [True] * 3],
    "g_dim": [[64, 32], [64, 32, 16, 8], "64", [64, 32, 1.5], [-4, 32, 16], [66, 32, 16]],
    "dec_dim": [True, None, 0, [], [12], [10**30], [4] * 9],
    "img_size": [16, 128, 256, "32", None, 10**90, True],
    "noise_dim": [0, 1 << 17, 2.0],
    "d_enc_dim": [[8], [8, 16, 32], [8, [16]], [8, 18]],
    "d_out_dim": [[16], [16, 32, 64]],
    "d_heads": [3, [4]],
    "d_mlp": [{}],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, given in WRONG.items() for value in given])
def test_impossible_values_are_refused_in_one_short_line(key, value):
    with pytest.raises(ValueError, match="expected") as caught:
        published_configs(CONFIG | {key: value})
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 250


def test_pixel_shuffles_that_ours_does_not_know_are_refused_as_such():
    with pytest.raises(ValueError, match="given dec_dim false with img_size 128; expected 32 or 64, or widths of a decoder"):
        published_configs(CONFIG | {"img_size": 128})


def test_unknown_and_missing_keys_are_named_and_training_keys_need_not_be_there():
    with pytest.raises(ValueError, match="given the unknown key 'd_dim'"):
        published_configs(CONFIG | {"d_dim": [64]})
    for key in NETWORK_KEYS:
        with pytest.raises(ValueError, match=f"^{key} is missing"):
            published_configs({other: value for other, value in CONFIG.items() if other != key})
    assert set(CONFIG) == NETWORK_KEYS | TRAINING_KEYS
    assert published_configs({key: CONFIG[key] for key in NETWORK_KEYS}) == published_configs(CONFIG)
