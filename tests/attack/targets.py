"""Everything that is read back, as targets of damage."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stored_data as data
import stored_results as results

from harness.metrics.adm import NpzSamples, write_samples, write_statistics


@dataclass(frozen=True)
class Target:
    """`make(root)` writes a sound one; `read(root)` gives all that it holds. `again` makes it anew before each attack, because
    reading may remove what is damaged. `inputs`: a user's own files, of which fewer are no damage."""

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    again: bool = False
    inputs: bool = False


TARGETS = (
    Target("trained run", results.make_run, results.read_run),
    Target("records", results.make_record, results.read_records),
    Target("report manifest", results.make_report_manifest, results.read_report_manifest),
    Target("params.yaml", results.make_parameters, results.read_parameters),
    Target("prepared images", data.make_data, data.read_data),
    Target("feature cache", data.make_cache, data.read_cache),
    Target("checkpoints", data.make_checkpoints, data.read_checkpoints, again=True),
    Target("PNG pictures", data.make_pictures, data.read_pictures, inputs=True),
    Target("zip archive", data.make_zip, data.read_zip),
    Target("tar archive", data.make_tar, data.read_tar),
    Target("samples npz", lambda root: write_samples(root / "s.npz", data.images()), lambda root: NpzSamples(root / "s.npz")[:]),
    Target("statistics npz", lambda root: write_statistics(root / "s.npz", data.features()), data.read_statistics_file),
    Target("extractor", results.make_weights, results.read_weights),
    Target("killed preparation", data.make_scratch, data.read_scratch, again=True, inputs=True),
)
