"""The profile's other two checkpoints, CelebA's at 64 pixels and LSUN's at 128, against archives in their data sets' formats."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import small_profile

from harness.config import load_params
from harness.records.models import PublishedRecord
from harness.records.record import read_as
from pipelines.published import fetch, score
from tests.checkpoints.bundle_writer import write_bundle
from tests.checkpoints.tf_shapes import SUFFIX, generator_shapes, variables
from tests.pipelines.archives import COUNT, write_archives

IMAGES = 3072
SMALL = {"img_size": 64, "g_dim": [24, 16, 8], "g_heads": [2] * 3, "g_mlp": [7] * 3, "noise_dim": 5, "d_enc_dim": [4, 6, 8]}
DATA = {"celeba_64": "celeba-64", "bedroom_128": "lsun-bedroom-128"}
COUNTS = {
    "celeba-64": {
        "train_count": COUNT - 1,
        "validation_count": 1,
        "test_count": COUNT,
        "checksum": None,
        "partition_checksum": None,
    },
    "lsun-bedroom-128": {"count": COUNT},
}


def write_checkpoint(folder: Path) -> None:
    """A published folder of a small generator for 64 pixels with random weights."""
    config = json.loads((small_profile.CHECKPOINTS / "pixel32" / "config.json").read_text()) | SMALL
    tensors = {key: value.numpy() for key, value in variables(generator_shapes(config), "ema_generator").items()}
    checkpoints = folder / "best-training-checkpoints"
    write_bundle(checkpoints / f"ckpt-{IMAGES}", tensors | {f"n_images{SUFFIX}": np.array(IMAGES, np.int32)})
    (checkpoints / "checkpoint").write_text(f'model_checkpoint_path: "ckpt-{IMAGES}"\n')
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture
def profile(tmp_path, monkeypatch) -> Path:
    """The committed profile's entries for the two, with few pictures."""
    committed = load_params("pipelines/published/params.yaml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    write_archives(tmp_path / "data")
    path = small_profile.write_profile(tmp_path)
    shutil.copytree(small_profile.CHECKPOINTS / "decoder128", "weights/bedroom_128")
    write_checkpoint(Path("weights/celeba_64"))
    entries = {key: committed["checkpoints"][key] | {"folder": f"weights/{key}", "url": None} for key in DATA}
    data = {name: committed["data"][name] | COUNTS[name] for name in DATA.values()}
    evaluate = {name: committed["evaluate"][name] | {"seeds": [1], "reduced": 8} for name in DATA.values()}
    small_profile.change(path, checkpoints=entries, data=data, evaluate=evaluate)
    return path


@pytest.mark.parametrize(("key", "images", "scored"), [("celeba_64", IMAGES, "celeba-19k"), ("bedroom_128", 2048, "lsun128-50k")])
def test_a_checkpoint_is_scored_against_its_own_data_set(profile, key, images, scored):
    for stage in (fetch, score):
        stage.main(["--params", str(profile), "--checkpoint", key])
    record = read_as(PublishedRecord, f"results/published/records/{key}.json")
    assert record.lacking == []
    assert (record.images_seen, record.comparability.level) == (images, "none")
    assert {name: counts.model_dump() for name, counts in record.counts.items()} == {
        name: {"generated": 8, "reference": 8} for name in load_params(profile)["evaluate"][DATA[key]]["protocols"]
    }
    label = record.extractor.label
    for protocol, scores in record.metrics.items():
        assert {f"fd/{label}", f"sfd/{label}", f"precision/{label}", f"recall/{label}"} <= scores.keys()
        assert (f"isx/{label}" in scores) is (protocol == scored)  # where Table II prints it
    assert record.mismatch
    assert '"fid"' not in record.model_dump_json()
