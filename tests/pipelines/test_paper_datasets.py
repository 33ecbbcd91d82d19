"""The paper profile's other four data sets: from archives in their published formats to records, with narrow networks."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from harness.config import load_params
from harness.errors import HarnessError
from pipelines import evaluate, prepare, train
from tests.pipelines.archives import COUNT, write_archives

pytestmark = pytest.mark.slow

CELLS = {
    "celeba-64": "table2-07",
    "ffhq-128": "table4-ffhq",
    "lsun-bedroom-128": "table2-12",
    "lsun-bedroom-256": "table4-lsun256",
}


@pytest.fixture
def profile(tmp_path, monkeypatch) -> Path:
    """The paper's parameters with narrow networks and few images, and the archives where they say."""
    params = load_params("pipelines/paper/params.yaml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    write_archives(tmp_path / "data")
    counts = {"train_count": COUNT - 1, "validation_count": 1, "test_count": COUNT, "checksum": None, "partition_checksum": None}
    del params["data"]["cifar10"], params["evaluate"]["cifar10"]
    for key, entry in params["data"].items():
        entry |= counts if key == "celeba-64" else {"count": COUNT}
        params["evaluate"][key] |= {"batch": 8, "seeds": [1], "reduced": 8}
        params["evaluate"][key].pop("statistics", None)
    params["features"] = {"extractor": "inception-v3", "random_seed": 0}
    params["rows"], params["cells"] = ({name: params[part][name] for name in CELLS.values()} for part in ("rows", "cells"))
    for cell in params["cells"].values():
        narrow = {"dims": [16, 8, 8], "mlp_dim": 8}
        narrow |= {"decoder_dims": [4] * len(cell["generator"]["decoder_dims"])} if "decoder_dims" in cell["generator"] else {}
        cell["generator"] |= narrow
        encoder = [4] * len(cell["discriminator_options"]["encoder_dims"])
        cell["discriminator_options"] |= {"encoder_dims": encoder, "mlp_dim": 8, "head_dims": [8, 8]}
        cell["train"] |= {"nimg": 4, "batch": 2}
    params["train"] |= {"snapshots": 0, "engine": "reference", "precision": "fp32"}
    with Path("params.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)
    return tmp_path / "params.yaml"


# CelebA went the same way once; a minute for every data set is too much for each run of the suite.
@pytest.mark.parametrize("data", ["ffhq-128", "lsun-bedroom-128"])
def test_a_data_set_goes_from_its_archive_to_a_record(profile, data):
    prepare.main(["--params", str(profile), "--data", data])
    train.main(["--params", str(profile), "--cell", CELLS[data]])
    evaluate.main(["--params", str(profile), "--cell", CELLS[data]])
    record = json.loads(Path(f"results/paper/records/{CELLS[data]}.json").read_text())
    assert record["comparability"]["level"] == "none"
    assert {counts["generated"] for counts in record["counts"].values()} == {8}
    label = record["extractor"]["label"]
    for protocol, scores in record["metrics"].items():
        assert {f"fd/{label}", f"precision/{label}"} <= scores.keys()
        assert (f"isx/{label}" in scores) is (protocol in ("celeba-19k", "lsun128-50k"))  # where Table II prints it


def test_one_data_set_that_is_not_there_stops_its_own_cells_alone(profile):
    Path("data/img_align_celeba.zip").unlink()
    with pytest.raises(HarnessError, match=r"data.celeba-64.path: given data/img_align_celeba.zip, which is not there"):
        train.main(["--params", str(profile), "--cell", "table2-07"])
    assert not Path("results").exists()
