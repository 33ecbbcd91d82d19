"""Everything that is read back, as targets: how to make a sound one, and how to read it to the last value."""

import dataclasses
import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from harness.data.archives import list_zip, read_member, read_tar_files
from harness.data.arrays import open_split
from harness.data.images import Recipe
from harness.data.manifest import read_manifest
from harness.data.parallel import Work, fill_shard
from harness.data.sources import FolderSource
from harness.data.writer import ArrayWriter
from harness.files import sha256_file, write_json
from harness.metrics.adm import NpzSamples, read_statistics, write_samples, write_statistics
from harness.metrics.cache import cached_features
from harness.metrics.classifier import WEIGHTS
from harness.metrics.features import Features
from harness.metrics.pictures import open_pictures
from harness.records.measured import Measurement
from harness.records.models import Run, ScoreRecord
from harness.records.record import make, read_as, write_record
from harness.report.manifest import NAMES
from harness.report.manifest import read_manifest as read_manifest_of_report
from harness.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, save_tensors
from pipelines.profile import load_profile
from pipelines.scoring import profile_extractor
from pipelines.sections import FeatureParams
from pipelines.trained import check_weights

KEY = "a" * 64
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Target:
    """`make(root)` writes a sound one; `read(root)` gives all that it holds. `again` makes it anew before each attack, because
    reading may remove what is damaged. `inputs`: a user's own files, of which fewer are no damage."""

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    again: bool = False
    inputs: bool = False


def images(count: int = 12, side: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, side, side), dtype=np.uint8)


def features(count: int = 20) -> Features:
    rng = np.random.default_rng(0)
    parts = (rng.standard_normal((count, size)).astype(np.float32) for size in (5, 6, 4))
    return Features(*parts, "label", image_shape=(3, 8, 8))


def make_data(root: Path) -> None:
    writer = ArrayWriter(root, "own", 8)
    writer.add("train", images()[:5])
    writer.add("train", images()[5:])
    writer.add_labels("train", np.arange(12))
    writer.finish({"kind": "test"}, {"resolution": 8})


def read_data(root: Path) -> Any:
    split = open_split(root, "train")
    return read_manifest(root), split[:], split.labels, split.sha256


def make_cache(root: Path) -> None:
    cached_features(root, {"made": "here"}, "label", features)


def read_cache(root: Path) -> Any:
    found = cached_features(root, {"made": "here"}, "label", features)
    parts = [np.asarray(getattr(found, name)) for name in ("pool", "spatial", "logits")]
    return [*parts, found.statistics("pool").covariance, found.statistics("spatial").mean, found.image_shape, found.label]


def make_checkpoints(root: Path) -> None:
    snapshot = save_tensors(root / "s.safetensors", {"w": torch.ones(4)})
    for step in (1, 2):
        tensors = {"w": torch.full((9,), float(step))}
        save_checkpoint(root, KEY, Checkpoint(step, tensors, {"rows": [0.5 * step]}), {"s.safetensors": snapshot})


def read_checkpoints(root: Path) -> Any:
    """True: a resumed run ends the same from any sound checkpoint, so any sound one will do, and none."""
    found = load_checkpoint(root, KEY)
    return found is None or (found.state == {"rows": [0.5 * found.step]} and bool((found.tensors["w"] == found.step).all()))


def make_zip(root: Path) -> None:
    with zipfile.ZipFile(root / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.png", png(number))


def read_zip(root: Path) -> Any:
    with (root / "a.zip").open("rb") as handle:
        found = list_zip(root / "a.zip", (".png",))
        return [(name, read_member(handle, member, name)) for name, member in found]


def make_tar(root: Path) -> None:
    with tarfile.open(root / "a.tgz", "w:gz") as archive:
        for name, size in SIZES.items():
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, io.BytesIO(bytes(range(100)) * (size // 100)))


SIZES = {"a.bin": 500, "b.bin": 800}


def read_tar(root: Path) -> Any:
    return sorted(read_tar_files(root / "a.tgz", SIZES, 10_000))


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (9, 7, 3), np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def make_pictures(root: Path) -> None:
    for number in range(3):
        (root / f"{number}.png").write_bytes(png(number))


def read_statistics_file(root: Path) -> Any:
    found = read_statistics(root / "s.npz", "label")
    return found.count, found.statistics("pool").mean, found.statistics("pool").covariance, found.statistics("spatial").covariance


def read_pictures(root: Path) -> Any:
    return open_pictures(root, "")[:]


def read_weights(root: Path) -> Any:
    return profile_extractor(FeatureParams("digits-cnn"), root, "cpu").sha256


def make_scratch(root: Path) -> None:
    """What a killed preparation leaves: finished shards, beside pictures."""
    (root / "in").mkdir()
    make_pictures(root / "in")
    work = _work(root)
    work.done.parent.mkdir(parents=True)
    fill_shard(work)


def _work(root: Path) -> Work:
    source = FolderSource(root / "in")
    locators = [(name, (name, 0, 0)) for name, _ in source.items()]
    return Work("train", root / "shards/0.npy", root / "done/0.json", source, Recipe(8, "squash", "box"), locators)


def read_scratch(root: Path) -> Any:
    work = _work(root)
    failures, finished = fill_shard(work)
    return failures, dataclasses.asdict(finished), np.load(work.path)


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


def make_record(root: Path) -> None:
    label = {"fd/digits-cnn": 20.5, "isx/digits-cnn": 5.25}
    fields = {
        "command": "c", "versions": {"python": "3"}, "arithmetic": "test", "config": {"train": {"nimg": 3200}},
        "engine": "reference", "seed": 0, "images_seen": 3200, "weights_sha256": KEY, "metrics": {"digits-train": label},
        "data": {"name": "digits", "sha256": KEY, "train_count": 1437, "fraction": 1.0},
        "extractor": {"name": "digits-cnn", "label": "digits-cnn", "sha256": KEY},
        "comparability": {"level": "none", "reasons": ["r"]}, "counts": {"digits-train": {"generated": 9, "reference": 9}},
        "networks": {"generator": "g", "discriminator": "d"},
    }  # fmt: skip
    record = make(ScoreRecord, cell="tiny", profile="p", **fields)
    write_record(root / "record.json", record)
    measured = make(Measurement, cell="tiny", profile="p", record_digest=record.digest, processes=[])
    write_record(root / "measured.json", measured)


def read_records(root: Path) -> Any:
    return [
        read_as(kind, root / name).model_dump() for kind, name in ((ScoreRecord, "record.json"), (Measurement, "measured.json"))
    ]


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


TARGETS = (
    Target("trained run", make_run, read_run),
    Target("records", make_record, read_records),
    Target("report manifest", make_report_manifest, read_report_manifest),
    Target("params.yaml", make_parameters, read_parameters),
    Target("prepared images", make_data, read_data),
    Target("feature cache", make_cache, read_cache),
    Target("checkpoints", make_checkpoints, read_checkpoints, again=True),
    Target("PNG pictures", make_pictures, read_pictures, inputs=True),
    Target("zip archive", make_zip, read_zip),
    Target("tar archive", make_tar, read_tar),
    Target("samples npz", lambda root: write_samples(root / "s.npz", images()), lambda root: NpzSamples(root / "s.npz")[:]),
    Target("statistics npz", lambda root: write_statistics(root / "s.npz", features()), read_statistics_file),
    Target("extractor", lambda root: (root / "digits-cnn.safetensors").write_bytes(WEIGHTS.read_bytes()), read_weights),
    Target("killed preparation", make_scratch, read_scratch, again=True, inputs=True),
)
