"""The paper profile's stages at full width with random Inception weights and reduced counts: nothing may be called FID."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from harness.config import load_params
from harness.errors import HarnessError
from harness.metrics.metric import METRICS
from pipelines import anchors, evaluate, extractor, prepare, train

pytestmark = pytest.mark.slow

PER_FILE = 8


def write_archive(path: Path) -> None:
    """CIFAR-10's binary layout with 8 random pictures a file."""
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w:gz") as archive:
        for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
            data = rng.integers(0, 256, (PER_FILE, 3073), np.uint8)
            data[:, 0] %= 10
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = data.nbytes
            archive.addfile(info, io.BytesIO(data.tobytes()))


@pytest.fixture
def profile(tmp_path, monkeypatch) -> Path:
    """A parameters file like the paper's, reduced to what two CPU cores do in seconds, in its own working directory."""
    params = load_params("pipelines/paper/params.yaml")
    monkeypatch.chdir(tmp_path)
    write_archive(tmp_path / "cifar.tar.gz")
    counts = {"checksum": None, "train_count": 5 * PER_FILE, "test_count": PER_FILE}
    params["data"] = {"cifar10": {"name": "cifar10", "path": "cifar.tar.gz", **counts}}
    params["features"] = {"extractor": "inception-v3", "random_seed": 0}
    params["evaluate"] = {"cifar10": {"protocols": ["cifar10-50k"], "batch": 8, "seeds": [1], "reduced": 8}}
    params["cells"] = {"table1-16": params["cells"]["table1-16"]}
    params["rows"] = {"table1-16": params["rows"]["table1-16"]}
    params["train"] |= {"nimg": 4, "batch": 2, "snapshots": 1, "engine": "reference", "precision": "fp32"}
    path = tmp_path / "params.yaml"
    with path.open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)
    return path


def test_the_whole_paper_path_runs_and_claims_nothing(profile):
    given = ["--params", str(profile)]
    prepare.main([*given, "--data", "cifar10"])
    extractor.main(given)
    anchors.main([*given, "--data", "cifar10"])
    train.main([*given, "--cell", "table1-16"])
    evaluate.main([*given, "--cell", "table1-16"])

    record = json.loads(Path("results/paper/records/table1-16.json").read_text())
    assert record["comparability"]["level"] == "none"
    assert record["extractor"]["label"].startswith("inception-v3-random@")
    assert record["counts"] == {"cifar10-50k": {"generated": 8, "reference": 8}}
    label = record["extractor"]["label"]
    assert set(record["metrics"]["cifar10-50k"]) == {metric.proxy_label(label) for metric in METRICS.values()}
    scored = json.dumps([record[part] for part in ("metrics", "untrained", "history", "best")])
    assert '"fid"' not in scored
    assert '"fid"' not in Path("results/paper/records/anchors-cifar10.json").read_text()

    params = load_params(profile)
    del params["evaluate"]["cifar10"]["reduced"]
    with profile.open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)
    with pytest.raises(HarnessError, match=r"data.cifar10.checksum is None; protocol cifar10-50k needs 'sha256:"):
        evaluate.main([*given, "--cell", "table1-16"])
