"""A small synthetic profile, made through `make` like a real one."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.images import image_grid
from harness.paper import printed_table
from harness.records.measured import Measurement, Throughput
from harness.records.models import CostRecord, PublishedRecord, ScoreRecord
from harness.records.parts import Process
from harness.records.record import make, write_record
from harness.tracking.database import connect
from lada.names import generator_id

LABEL = "digits-cnn"
MADE_BY = {"versions": {"python": "3.11", "torch": "2.15.0"}, "arithmetic": "test"}
RATES = {"1": {"median": 30.0, "low": 29.0, "high": 31.0}, "16": {"median": 90.0, "low": 80.0, "high": 95.0}}
COMMAND = "dvc repro pipelines/digits/dvc.yaml:evaluate@{}"


def scores(value, label=LABEL):
    """Five scores under one extractor's label, or under their own names where `label` is empty."""
    return named((value, value + 1, 5.0, 0.5, 0.6), label)


def named(numbers, label):
    """Five numbers as scores."""
    names = ("fd", "sfd", "isx", "precision", "recall") if label else ("fid", "sfid", "is", "precision", "recall")
    return {f"{name}/{label}" if label else name: number for name, number in zip(names, numbers, strict=True)}


def process(stage="train", **fields):
    """One process on a machine of the tests."""
    defaults = {
        "stage": stage, "started": "2026-01-01T00:00:00+00:00", "seconds": 12.5, "device": "CPU test",
        "instruction_sets": "AVX2, no AVX-512", "cores": 2, "git": {"commit": "d" * 40, "dirty": False},
    }  # fmt: skip
    return Process.model_validate(defaults | fields, strict=False)


@pytest.fixture
def add_score(tmp_path, monkeypatch):
    """Writes one score record with its measurement, curves and samples; returns the record."""
    monkeypatch.chdir(tmp_path)

    def add(cell, rows=(), value=20.0, profile="digits", level="none", label=LABEL, processes=None, **fields):
        folder = Path("results") / profile
        curves = folder / "curves" / f"{cell}.csv"
        curves.parent.mkdir(parents=True, exist_ok=True)
        noise = random.Random(cell)
        lines = [f"{nimg},{noise.random()},{1 + noise.random()},{1 + noise.random()}" for nimg in range(320, 3201, 320)]
        curves.write_text("\n".join(["nimg,loss_d,grad_norm_g,grad_norm_d", *lines]) + "\n")
        samples = image_grid(np.full((4, 3, 8, 8), len(cell), np.uint8), folder / "samples" / f"{cell}.png", columns=2)
        metrics = {"digits-train": scores(value, label), "digits-test": scores(value + 2, label)}
        defaults = {
            "cell": cell, "profile": profile, "command": COMMAND.format(cell), "engine": "reference",
            "rows": list(rows), "seed": 0,
            "config": {"attention": "lada", "discriminator_attention": "lada", "train": {"nimg": 3200, "lr_g": 2e-4}},
            "data": {"name": "digits", "sha256": "a" * 64, "train_count": 1437, "fraction": 1.0},
            "extractor": {"name": "digits-cnn", "label": LABEL, "sha256": "b" * 64},
            "comparability": {"level": level, "reasons": ["extractor digits-cnn"]}, "images_seen": 3200,
            "curves": str(curves), "samples": str(samples), "weights_sha256": "c" * 64, "metrics": metrics,
            "untrained": {"digits-train": scores(value * 5, label)},
            "history": [{"nimg": 1600, "metrics": {"digits-train": scores(value * 2, label)}}],
            "counts": {"digits-train": {"generated": 1437, "reference": 1437}},
            "networks": {"generator": "g32-lada-conv", "discriminator": "d32-lada"},
        }  # fmt: skip
        record = make(ScoreRecord, **(MADE_BY | defaults | fields))
        write_record(folder / "records" / f"{cell}.json", record)
        made = processes or [process("train"), process("evaluate")]
        measured = {"cell": cell, "profile": profile, "record_digest": record.digest, "peak_bytes": 10**9}
        write_record(folder / "measured" / f"{cell}.json", make(Measurement, **measured, processes=made))
        return record

    return add


@pytest.fixture
def add_published(tmp_path, monkeypatch):
    """Writes one record of published weights; its draws' FID are given, the other scores follow Table II, row 3."""
    monkeypatch.chdir(tmp_path)

    def add(cell="cifar10", points=(3.28, 3.30, 3.32), rows=("2:3", "3:4", "5:3"), protocol="cifar10-50k", label="", **fields):
        scored = [named((point, 3.81, 9.66, 0.61, 0.60), label) for point in points]
        runs = [{"seed": i + 1, "reference_seed": i, "metrics": {protocol: found}} for i, found in enumerate(scored)]
        defaults = {
            "cell": cell, "profile": "published", "config": {}, "command": "python -m pipelines.published.score",
            "data": "cifar10", "checkpoint": "ckpt-68096000", "images_seen": 68096000,
            "extractor": {"name": "inception-v3", "label": label or "inception-v3", "sha256": "b" * 64},
            "comparability": {"level": "none" if label else "paper"}, "runs": runs, "metrics": {protocol: scored[0]},
            "counts": {protocol: {"generated": 50000, "reference": 50000}}, "rows": list(rows),
        }  # fmt: skip
        record = make(PublishedRecord, **(MADE_BY | defaults | fields))
        write_record(Path("results/published/records") / f"{cell}.json", record)
        return record

    return add


@pytest.fixture
def add_cost(tmp_path, monkeypatch):
    """Writes one cost record and, where the network could be built, its throughput; returns the record."""
    monkeypatch.chdir(tmp_path)

    def add(network, gmacs=0.7599, params=19_901_647, profile="digits", rates=None, peak_bytes=10**9, energy=None, **fields):
        macs = dict.fromkeys(("true", "fvcore", "torch_meta", "closed_form", "printed_convention"), round(gmacs * 1e9))
        defaults = {
            "cell": network, "profile": profile, "config": {"network": network}, "command": "python -m pipelines.cost",
            "title": network, "resolution": 32, "params": params, "macs": macs,
        }  # fmt: skip
        record = make(CostRecord, **(MADE_BY | defaults | fields))
        folder = Path("results") / profile
        write_record(folder / "costs" / f"{network}.json", record)
        measured = {"network": network, "profile": profile, "record_digest": record.digest, "limits": {}, "threads": 1}
        measured |= {"rates": RATES if rates is None else rates, "peak_bytes": peak_bytes, "energy": energy}
        if record.params is not None:
            write_record(folder / "throughput" / f"{network}.json", make(Throughput, **measured, process=process("cost")))
        return record

    return add


@pytest.fixture
def digits(add_score, add_cost):
    """Records of a small digits profile: Table I whole, row 9 diverged; Table III's six LadaGAN rows; some costs."""
    for index, row in enumerate(printed_table(1).rows, start=1):
        extra = [f"1:{index}", *(["2:3", "3:4", "4:10"] if index == 16 else [])]
        config = {"attention": row["attention"], "discriminator_attention": row["discriminator"], "train": {"nimg": 3200}}
        diverged = {"status": "diverged", "diverged_step": 77, "metrics": {}, "history": []} if index == 9 else {}
        add_score(f"t1-{index:02d}", extra, 10.0 + index, config=config, **diverged)
        if row["attention"] != "swin":
            network = generator_id(row["attention"], lee_conv=row["convolution"] == "yes", modulation=row["modulation"] == "yes")
            add_cost(network, float(row["g_gflops"]) + 0.05)
    for index in range(5, 10):
        add_score(f"t3-{index}", [f"3:{index}"], 15.0 + index)
    return Path("results/digits")


@pytest.fixture(scope="session")
def empty(tmp_path_factory) -> Path:
    """A database of MLflow without runs: to make one takes longer than anything else here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("empty"))
        connect()
        return Path("mlflow.db").absolute()


@pytest.fixture
def database(add_score, empty) -> None:
    """Puts an empty database into the test's own place."""
    shutil.copy(empty, "mlflow.db")
