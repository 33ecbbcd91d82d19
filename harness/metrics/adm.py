"""Reads and writes the ADM evaluator's .npz files. The evaluator can score our samples, and we can score its samples.

Samples: `arr_0` uint8 (N, H, W, 3). Reference: `mu`, `sigma` of the pool features and `mu_s`, `sigma_s` of the spatial ones,
covariances with ddof 1. A reference may also hold `arr_0`, fewer images for precision and recall
(github.com/openai/guided-diffusion, evaluations).
"""

import weakref
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from harness.data.views import Images
from harness.errors import HarnessError
from harness.files import atomic_path, sha256_file
from harness.metrics.features import Features
from harness.metrics.frechet import Statistics
from harness.metrics.npz import array_names, check_whole, header, read_array

SAMPLES = "arr_0"
STATISTICS = ("mu", "sigma", "mu_s", "sigma_s")
TOLERANCE = 1e-5  # relative to the largest entry or eigenvalue: the rounding of a covariance stored in float32


class NpzSamples:
    """The samples of an .npz as uint8 (N, 3, H, W). They are read from the file slice by slice, so N can be large.

    HarnessError if the file is damaged (its checksum is compared first) or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        check_whole(path, SAMPLES)
        archive = zipfile.ZipFile(path)
        self._file = archive.open(f"{SAMPLES}.npy")
        weakref.finalize(self, _close, self._file, archive)
        self._rows, dtype, self._start = header(self._file, archive, SAMPLES, path)
        if dtype != np.uint8 or len(self._rows) != 4 or self._rows[3] != 3 or 0 in self._rows:
            raise HarnessError(f"{path} holds {SAMPLES} of shape {self._rows} and type {dtype}; expected uint8 (N, H, W, 3)")
        count, height, width, _ = self._rows
        self.shape: tuple[int, ...] = (count, 3, height, width)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        if not isinstance(index, slice):
            picked = [self._read(number, 1) for number in np.asarray(index).tolist()]
            return np.concatenate(picked) if picked else self._read(0, 0)
        start, stop, step = index.indices(len(self))
        if step != 1:
            raise ValueError("expected a slice of consecutive samples")
        return self._read(start, max(0, stop - start))

    def _read(self, start: int, size: int) -> np.ndarray:
        row = int(np.prod(self._rows[1:]))
        self._file.seek(self._start + start * row)
        content = self._file.read(size * row)
        if len(content) != size * row:
            raise HarnessError(f"{self.path} ends before its {len(self)} samples; make or fetch it again")
        return np.frombuffer(content, np.uint8).reshape(size, *self._rows[1:]).transpose(0, 3, 1, 2)  # (n, 3, H, W)


@dataclass(frozen=True)
class StoredReference:
    """A reference of which only the statistics are known."""

    label: str  # of the extractor
    count: int  # images that the statistics describe; 0 if the file does not say
    parts: dict[str, Statistics]  # of `pool` and `spatial`
    pool: np.ndarray | None = None  # pool features (M, D) for precision and recall, if the file holds images
    spatial: None = None
    doubts: tuple[str, ...] = ()  # reasons why it may not be the reference that a protocol asks for
    image_shape: tuple[int, ...] | None = None  # of the images in the file; None if there are none

    def __len__(self) -> int:
        return self.count

    def statistics(self, part: str) -> Statistics:
        """Statistics of `pool` or `spatial`."""
        return self.parts[part]


def read_statistics(path: Path, label: str, protocol_count: int | None = None) -> StoredReference:
    """The reference statistics in an ADM-format .npz.

    Files that we wrote hold their extractor's label and their count of images. Other files are assumed to belong to the extractor
    `label` and to describe `protocol_count` images.
    """
    missing = sorted(set(STATISTICS) - array_names(path))
    if missing:
        raise HarnessError(f"{path} lacks {', '.join(missing)}; expected an ADM-format .npz with {', '.join(STATISTICS)}")
    count, made_with = _count(path, protocol_count), _label(path, label)
    if made_with != label:
        raise HarnessError(f"{path} holds statistics of {made_with}; expected {label}; use one extractor for both sets")
    scale = max(count, 2) - 1  # makes a scatter matrix with this covariance; its count matters only for merging
    parts = {}
    for part, mean_name, covariance_name in (("pool", "mu", "sigma"), ("spatial", "mu_s", "sigma_s")):
        mean, covariance = _floats(path, mean_name), _floats(path, covariance_name)
        _check_gaussian(mean, covariance, f"{path}: {covariance_name}")
        parts[part] = Statistics(scale + 1, mean, covariance * scale)
    return StoredReference(label, count, parts)


def _count(path: Path, otherwise: int | None) -> int:
    if "count" not in array_names(path):
        return otherwise or 0
    found = read_array(path, "count")
    if found.shape != () or found.dtype.kind not in "iu" or not 2 <= int(found) < 2**40:
        raise HarnessError(f"{path} holds a count {found.dtype} {found.shape}; expected one whole number of at least 2")
    return int(found)


def _label(path: Path, otherwise: str) -> str:
    if "label" not in array_names(path):
        return otherwise
    found = read_array(path, "label")
    if found.shape != () or found.dtype.kind != "U":
        raise HarnessError(f"{path} holds a label {found.dtype} {found.shape}; expected one text")
    return str(found)


def _floats(path: Path, name: str) -> np.ndarray:
    found = read_array(path, name)
    if found.dtype.kind != "f" or not np.isfinite(found).all():
        raise HarnessError(f"{path}: {name} is {found.dtype} or not finite; expected finite real numbers; make it again")
    return found.astype(np.float64)


def _check_gaussian(mean: np.ndarray, covariance: np.ndarray, where: str) -> None:
    """HarnessError unless mean is (d,), and covariance is (d, d), symmetric and without negative eigenvalues."""
    if mean.ndim != 1 or not mean.size or covariance.shape != (mean.size, mean.size):
        raise HarnessError(f"{where}: given a mean {mean.shape} and a covariance {covariance.shape}; expected (d,) and (d, d)")
    if not np.allclose(covariance, covariance.T, rtol=0, atol=TOLERANCE * np.abs(covariance).max()):
        raise HarnessError(f"{where} is not symmetric; expected a covariance; make the statistics again")
    values = np.linalg.eigvalsh(covariance)
    if values[0] < -TOLERANCE * max(values[-1], 0):
        raise HarnessError(f"{where} has the eigenvalue {values[0]:.3g}; expected a covariance, which has none below 0")


def write_statistics(path: Path, seen: Features) -> None:
    """Writes the statistics of a reference's features as an ADM-format .npz, with their count and extractor."""
    arrays = {}
    for part, mean, covariance in (("pool", "mu", "sigma"), ("spatial", "mu_s", "sigma_s")):
        found = seen.statistics(part)
        arrays[mean], arrays[covariance] = found.mean, found.covariance
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        arrays |= {"count": np.array(len(seen)), "label": np.array(seen.label)}
        np.savez(file, allow_pickle=False, **arrays)


def write_samples(path: Path, images: Images, batch: int = 1024, text: Mapping[str, str] | None = None) -> str:
    """Writes uint8 images (N, 3, H, W) as an ADM-format .npz of samples, batch by batch. Returns the file's sha256.

    text: facts about the file, {name: value}, written as arrays beside the samples.
    """
    count, _, height, width = images.shape
    description = {"descr": "|u1", "fortran_order": False, "shape": (count, height, width, 3)}
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w") as archive,
    ):
        with archive.open(f"{SAMPLES}.npy", "w", force_zip64=True) as file:
            npy.write_array_header_1_0(file, description)
            for start in range(0, count, batch):
                file.write(np.ascontiguousarray(images[start : start + batch].transpose(0, 2, 3, 1)).data)
        for name, value in (text or {}).items():
            with archive.open(f"{name}.npy", "w") as file:
                npy.write_array(file, np.array(value), allow_pickle=False)
    return sha256_file(path)


def _close(*files: IO[bytes] | zipfile.ZipFile) -> None:
    for file in files:
        file.close()
