"""The ADM evaluator's .npz files, read and written, so that it can score our samples and we can score its.

Samples: `arr_0` uint8 (N, H, W, 3). Reference: `mu`, `sigma` of the pool features and `mu_s`, `sigma_s` of the spatial ones,
covariances with ddof 1, possibly beside an `arr_0` of fewer images for precision and recall
(github.com/openai/guided-diffusion, evaluations). Nothing is ever unpickled.
"""

import weakref
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from harness.errors import HarnessError
from harness.files import atomic_path, sha256_file
from harness.metrics.features import Features, Images
from harness.metrics.frechet import Statistics

SAMPLES = "arr_0"
STATISTICS = ("mu", "sigma", "mu_s", "sigma_s")


class NpzSamples:
    """The samples of an .npz, read from the file slice by slice: uint8 (N, 3, H, W), whatever their number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        archive = _open(path)
        self._file = archive.open(f"{SAMPLES}.npy")
        weakref.finalize(self, _close, self._file, archive)
        self._rows, fortran, dtype = _header(self._file, path)
        self._start = self._file.tell()
        if fortran or dtype != np.uint8 or len(self._rows) != 4 or self._rows[3] != 3:
            raise HarnessError(f"{path} holds {SAMPLES} of shape {self._rows} and type {dtype}; expected uint8 (N, H, W, 3)")
        count, height, width, _ = self._rows
        self.shape = (count, 3, height, width)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice) -> np.ndarray:
        start, stop, step = index.indices(len(self))
        if step != 1:
            raise ValueError("expected a slice of consecutive samples")
        size, row = max(0, stop - start), int(np.prod(self._rows[1:]))
        self._file.seek(self._start + start * row)
        content = self._file.read(size * row)
        if len(content) != size * row:
            raise HarnessError(f"{self.path} ends before its {len(self)} samples; make or fetch it again")
        return np.frombuffer(content, np.uint8).reshape(size, *self._rows[1:]).transpose(0, 3, 1, 2)  # (n, 3, H, W)


@dataclass(frozen=True)
class StoredReference:
    """A reference known by its statistics: extractor label, count of images (0 if the file does not say), pool features (M, D)
    of its images for precision and recall if it has any, and why it may not be what a protocol asks for.
    """

    label: str
    count: int
    parts: dict[str, Statistics]
    pool: np.ndarray | None = None
    spatial: None = None
    doubts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.count

    def statistics(self, part: str) -> Statistics:
        """Statistics of `pool` or `spatial`."""
        return self.parts[part]


def names(path: Path) -> set[str]:
    """Names of the arrays in an .npz; HarnessError if it is none."""
    with _open(path) as archive:
        return {name.removesuffix(".npy") for name in archive.namelist()}


def read_statistics(path: Path, label: str, protocol_count: int | None = None) -> StoredReference:
    """The reference statistics in an ADM-format .npz, taken to be of the extractor `label`.

    Our files say how many images they describe and with which extractor; for others `protocol_count` is believed.
    """
    _require(path, STATISTICS)
    with np.load(path, allow_pickle=False) as arrays:
        mu, sigma, mu_s, sigma_s = (arrays[name].astype(np.float64) for name in STATISTICS)
        count = int(arrays["count"]) if "count" in arrays else protocol_count or 0
        made_with = str(arrays["label"]) if "label" in arrays else label
    if made_with != label:
        raise HarnessError(f"{path} holds statistics of {made_with}; expected {label}; use one extractor for both sets")
    for mean, covariance in ((mu, sigma), (mu_s, sigma_s)):
        if mean.ndim != 1 or covariance.shape != (mean.size, mean.size):
            raise HarnessError(f"{path} holds a mean {mean.shape} and a covariance {covariance.shape}; expected (d,) and (d, d)")
    scale = max(count, 2) - 1  # a scatter matrix that gives the covariance back; its count matters only for merging
    parts = {"pool": Statistics(scale + 1, mu, sigma * scale), "spatial": Statistics(scale + 1, mu_s, sigma_s * scale)}
    return StoredReference(label, count, parts)


def write_statistics(path: Path, seen: Features) -> None:
    """Writes the statistics of a reference's features as an ADM-format .npz, with their count and extractor beside them."""
    arrays = {}
    for part, mean, covariance in (("pool", "mu", "sigma"), ("spatial", "mu_s", "sigma_s")):
        found = seen.statistics(part)
        arrays[mean], arrays[covariance] = found.mean, found.covariance
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays, count=np.array(len(seen)), label=np.array(seen.label))


def write_samples(path: Path, images: Images, batch: int = 1024) -> str:
    """Writes uint8 images (N, 3, H, W) as an ADM-format .npz of samples, batch by batch; returns the file's sha256."""
    count, _, height, width = images.shape
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, height, width, 3)}
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w") as archive,
        archive.open(f"{SAMPLES}.npy", "w", force_zip64=True) as file,
    ):
        npy.write_array_header_1_0(file, header)
        for start in range(0, count, batch):
            file.write(np.ascontiguousarray(images[start : start + batch].transpose(0, 2, 3, 1)))
    return sha256_file(path)


def _close(*files: zipfile.ZipExtFile | zipfile.ZipFile) -> None:
    for file in files:
        file.close()


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise HarnessError(f"{path} is not an .npz file ({error}); expected the ADM evaluator's format") from error


def _header(file: zipfile.ZipExtFile, path: Path) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        return read(file)
    except (ValueError, KeyError) as error:
        raise HarnessError(f"{path} holds no readable array {SAMPLES} ({error}); make or fetch it again") from error


def _require(path: Path, wanted: tuple[str, ...]) -> None:
    missing = sorted(set(wanted) - names(path))
    if missing:
        raise HarnessError(f"{path} lacks {', '.join(missing)}; expected an ADM-format .npz with {', '.join(wanted)}")
