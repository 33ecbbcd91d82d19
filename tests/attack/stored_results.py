"""Results that are read back: trained runs, records, the report's manifest, parameters and the extractor."""

from pathlib import Path
from typing import Any

import torch
from tally import ROOT

from harness.files import sha256_file, write_json
from harness.metrics.classifier import WEIGHTS
from harness.records.measured import Measurement
from harness.records.models import CostRecord, PublishedRecord, Run, ScoreRecord
from harness.records.record import make, read_as, write_record
from harness.report.manifest import NAMES
from harness.report.manifest import read_manifest as read_manifest_of_report
from harness.training.checkpoint import save_tensors
from pipelines.profile import load_profile
from pipelines.scoring import profile_extractor
from pipelines.sections import FeatureParams
from pipelines.trained import check_weights

KEY = "a" * 64
MADE_BY = {"command": "c", "versions": {"python": "3"}, "arithmetic": "test"}


def make_run(root: Path) -> None:
    """A training's folder and what was measured of it."""
    for name in ("g_ema.safetensors", "g_ema-000000008.safetensors"):
        save_tensors(root / name, {"w": torch.arange(50.0)})
    weights = {path.name: sha256_file(path) for path in root.iterdir()}
    facts = {"status": "ok", "steps": 2, "images_seen": 16, "engine": "reference", "made_from": KEY, "weights": weights}
    write_record(root / "run.json", make(Run, cell="tiny", profile="p", config={"train": {"lr": 0.1}}, **facts))


def read_run(root: Path) -> Any:
    run = read_as(Run, root / "run.json")
    check_weights(run, root)
    return run.model_dump()


def score_record(cell: str = "tiny", **fields: Any) -> ScoreRecord:
    """A sound record of profile p, with other `fields`."""
    label = {"fd/digits-cnn": 20.5, "isx/digits-cnn": 5.25}
    sound = {
        "config": {"train": {"nimg": 3200}}, "engine": "reference", "seed": 0, "images_seen": 3200, "weights_sha256": KEY,
        "metrics": {"digits-train": label}, "data": {"name": "digits", "sha256": KEY, "train_count": 1437, "fraction": 1.0},
        "extractor": {"name": "digits-cnn", "label": "digits-cnn", "sha256": KEY},
        "comparability": {"level": "none", "reasons": ["r"]}, "counts": {"digits-train": {"generated": 9, "reference": 9}},
        "networks": {"generator": "g", "discriminator": "d"},
    }  # fmt: skip
    return make(ScoreRecord, cell=cell, profile="p", **(MADE_BY | sound | fields))


def cost_record(network: str, **fields: Any) -> CostRecord:
    """A sound record of profile p, with other `fields`."""
    sound = {"config": {}, "title": network, "resolution": 32, "params": 9, "macs": {"true": 9, "printed_convention": 9}}
    return make(CostRecord, cell=network, profile="p", **(MADE_BY | sound | fields))


def process(**fields: Any) -> dict[str, Any]:
    """A process that worked on a result."""
    return {
        "stage": "train", "started": "2026-01-01T00:00:00+00:00", "seconds": 12.5, "device": "CPU test",
        "instruction_sets": "AVX2, no AVX-512", "cores": 2, "git": {"commit": "d" * 40, "dirty": False},
        **fields,
    }  # fmt: skip


def make_record(root: Path) -> None:
    record = score_record()
    write_record(root / "record.json", record)
    measured = make(Measurement, cell="tiny", profile="p", record_digest=record.digest, processes=[process()])
    write_record(root / "measured.json", measured)
    comparability = {"level": "none", "reasons": ["r"]}
    published = make(PublishedRecord, cell="tiny", profile="p", config={}, data="d", comparability=comparability, **MADE_BY)
    write_record(root / "published.json", published)


def read_records(root: Path) -> Any:
    kinds = {"record": ScoreRecord, "measured": Measurement, "published": PublishedRecord}
    return [read_as(kind, root / f"{name}.json").model_dump() for name, kind in kinds.items()]


def make_report_manifest(root: Path) -> None:
    for name in NAMES:
        write_json(root / name, {"profile": "p", "records": {"records/a.json": KEY}, "files": {"x": KEY}})


def read_report_manifest(root: Path) -> Any:
    """True: whatever it says is compared with the records and files, so that a wrong entry is a line of verify."""
    return bool(read_manifest_of_report(root))


def make_parameters(root: Path) -> None:
    (root / "params.yaml").write_bytes((ROOT / "pipelines/digits/params.yaml").read_bytes())


def read_parameters(root: Path) -> Any:
    """True: some other text is other parameters."""
    return bool(load_profile(root / "params.yaml"))


def make_weights(root: Path) -> None:
    (root / "digits-cnn.safetensors").write_bytes(WEIGHTS.read_bytes())


def read_weights(root: Path) -> Any:
    return profile_extractor(FeatureParams("digits-cnn"), root, "cpu").sha256
