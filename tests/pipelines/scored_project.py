"""A project whose only cell counts as trained: its weights are random."""

import shutil
from pathlib import Path

import numpy as np
import torch
from ruamel.yaml import YAML
from safetensors.torch import save_file

from harness.config import load_params
from harness.data.writer import ArrayWriter
from harness.files import sha256_file
from harness.metrics.classifier import WEIGHTS
from harness.records.measured import Training
from harness.records.models import Run
from harness.records.record import make, write_record
from pipelines.profile import load_cell

ROOT = Path(__file__).resolve().parents[2]
COUNTS = {"train": 50, "test": 21}  # in batches of 8: seven and three, neither even nor whole
SNAPSHOTS = {"g_ema-000000008": 1, "g_ema-000000016": 2, "g_ema": 2}  # seeds of the weights


def make_scored_project(root: Path) -> Path:
    """A profile whose cell counts as trained."""
    params = load_params(ROOT / "pipelines/digits/params.yaml")
    params["evaluate"] = {"toy": {"protocols": ["images-train", "images-test"], "batch": 8, "seeds": [1, 2]}}
    params["data"] = {"toy": {"name": "image-folder", "path": "none", "resolution": 16}}
    params["rows"], params["cells"] = {}, {"tiny": {"data": "toy", "attention": "lada", "discriminator": "conv"}}
    params["generator"] |= {"dims": [32, 16, 8], "mlp_dim": 16}
    with (root / "params.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)
    images = np.random.default_rng(0).integers(0, 256, (sum(COUNTS.values()), 3, 16, 16), dtype=np.uint8)
    writer = ArrayWriter(root / "results/digits/data/toy", "toy", 16)
    writer.add("train", images[: COUNTS["train"]])
    writer.add("test", images[COUNTS["train"] :])
    writer.finish({"kind": "test"}, {})
    (root / "results/digits/extractor").mkdir()
    shutil.copy(WEIGHTS, root / "results/digits/extractor/digits-cnn.safetensors")
    write_run(root)
    return root


def write_run(root: Path) -> None:
    """What the train stage leaves."""
    cell, run = load_cell(root / "params.yaml", "tiny"), root / "results/digits/runs/tiny"
    run.mkdir(parents=True)
    for name, seed in SNAPSHOTS.items():
        state = cell.build()[0].state_dict()
        torch.manual_seed(seed)
        save_file(
            {key: value + 0.1 * torch.randn_like(value.float()).to(value) for key, value in state.items()},
            run / f"{name}.safetensors",
        )
    facts = {"status": "ok", "steps": 2, "images_seen": 16, "engine": "reference", "made_from": "a" * 64}
    facts["weights"] = {path.name: sha256_file(path) for path in run.iterdir()}
    record = make(Run, cell="tiny", profile="digits", config=cell.config(), **facts)
    write_record(run / "run.json", record)
    measured = make(Training, cell="tiny", profile="digits", run_digest=record.digest, processes=[])
    write_record(root / "results/digits/measured/train/tiny.json", measured)
    (root / "results/digits/curves").mkdir()
    (root / "results/digits/curves/tiny.csv").write_text("nimg\n")
