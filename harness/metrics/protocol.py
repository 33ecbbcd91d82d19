"""Protocols: what is compared with what, and whether the result is comparable with the paper.

A protocol fixes the sample counts, the reference and the scores. Scores are named FID, sFID, IS, precision and recall only if
they use the pinned Inception weights and follow one of the paper's protocols exactly. Other scores carry their extractor's name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.data.draws import drawn_indices
from harness.errors import HarnessError, unknown_choice
from harness.files import sha256_file
from harness.metrics.metric import METRICS

PAPER_LABEL = "inception-v3"  # the label of the pinned weights; other weights carry their hash
SUBSET_SEED = 0  # of every random subset of images, so that file names never decide which images are scored
SCORES = tuple(METRICS)
LEVELS = ("paper", "protocol-mismatch", "none")


@dataclass(frozen=True)
class Protocol:
    """One way to score images.

    A reference smaller than its split is drawn at random, always with the same seed. The paper's images are independent samples,
    so both values of `is_order` estimate its Inception score. For pictures sorted by class only "shuffled" does.
    """

    name: str
    dataset: str | None  # name that the reference's manifest must have; None for any images
    reference_split: str  # of the dataset
    generated: int | None = None  # images to score; None for as many as the reference has
    reference: int | None = None  # images of the reference; None for the whole split
    scores: tuple[str, ...] = SCORES  # keys of METRICS
    is_chunk: int | None = None  # images per chunk of the Inception score; None for one chunk
    neighbours: int = 3  # k of precision and recall
    paper: bool = False  # whether a table of the paper has scores by this protocol
    preparation: Mapping[str, Any] = field(default_factory=dict)  # entries that the reference's manifest must have
    statistics_file: str | None = None  # name of a published ADM-format file that is the reference, instead of images
    statistics_sha256: str | None = None  # of that file; None if it is not known
    table: str = ""  # the paper's tables that use it
    resolution: int | None = None  # side of the pictures before any resize, in pixels; None for any
    is_order: Literal["shuffled", "adm"] = "shuffled"  # how images get into chunks: shuffled (torch-fidelity), consecutive (ADM)

    def reduced(self, generated: int, reference: int) -> "Protocol":
        """This protocol with other counts and a reference of any origin, for dry runs. Never comparable with the paper."""
        return replace(self, generated=generated, reference=reference, is_chunk=None, preparation={}, statistics_file=None)

    def generated_count(self, reference: int) -> int:
        """Number of images to generate if the reference has `reference` images."""
        return self.generated or reference

    def reference_indices(self, split_count: int) -> np.ndarray | None:
        """Sorted indices of the reference images in a split of `split_count`; None for all of them."""
        if self.reference is None or self.reference == split_count:
            return None
        self.check_counts(self.generated or split_count, split_count)
        return drawn_indices(split_count, self.reference, SUBSET_SEED)

    def check_counts(self, generated: int, reference: int) -> None:
        """HarnessError if there are too few images of either kind."""
        wanted = {"generated": self.generated or reference, "reference": self.reference or reference}
        for kind, given in (("generated", generated), ("reference", reference)):
            if given < wanted[kind]:
                needs = f"protocol {self.name} needs {wanted[kind]}"
                raise HarnessError(f"given {given} {kind} images; {needs}; supply more or choose another protocol")

    def check_statistics(self, path: Path) -> None:
        """HarnessError if a statistics file is not the protocol's reference."""
        if self.statistics_sha256 and sha256_file(path) != self.statistics_sha256:
            raise HarnessError(f"{path} is not {self.statistics_file} of protocol {self.name}; expected {self.statistics_sha256}")

    def check_manifest(self, manifest: Mapping[str, Any], where: object) -> None:
        """HarnessError if prepared images are not the protocol's reference."""
        if self.statistics_file:
            raise HarnessError(f"given images {where}; protocol {self.name} needs the statistics file {self.statistics_file}")
        if self.dataset is None:
            return
        wanted = {"name": self.dataset, **{f"preparation.{key}": value for key, value in self.preparation.items()}}
        found = {"name": manifest["name"], **{f"preparation.{key}": value for key, value in manifest["preparation"].items()}}
        wrong = [f"{key} is {found.get(key)!r}, not {value!r}" for key, value in wanted.items() if found.get(key) != value]
        if wrong:
            raise HarnessError(f"{where} is not the reference of protocol {self.name}: {'; '.join(wrong)}; prepare it again")


CIFAR10 = {"resolution": 32, "checksum": "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9dddda3db29a59bca1dd"}
CELEBA = {"resolution": 64, "fit": "squash", "checksum": "md5:00d2c5bc6d35e252742224ab0c1e8fcb"}
SIDE_128 = {"resolution": 128}
NO_IS = tuple(name for name in SCORES if name != "is")  # Table IV prints no IS beside these counts; Table II prints it

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("digits-train", "digits", "train"),
        Protocol("digits-test", "digits", "test"),
        Protocol("images-train", None, "train"),
        Protocol("images-test", None, "test"),
        Protocol("cifar10-50k", "cifar10", "train", 50_000, 50_000, SCORES, 5000, 3, True, CIFAR10, table="I-IV", resolution=32),
        Protocol("cifar10-10k", "cifar10", "test", 10_000, 10_000, SCORES, 5000, 3, True, CIFAR10, table="III", resolution=32),
        Protocol("celeba-19k", "celeba", "test", 19_962, 19_962, SCORES, 5000, 3, True, CELEBA, table="II, IV", resolution=64),
        Protocol("celeba-50k", "celeba", "train", 50_000, 162_770, NO_IS, None, 3, True, CELEBA, table="IV", resolution=64),
        Protocol("ffhq-50k", "ffhq", "train", 50_000, 70_000, NO_IS, None, 3, True, SIDE_128, table="II, IV", resolution=128),
        Protocol("lsun128-30k", "lsun", "train", 30_000, 30_000, NO_IS, None, 3, True, SIDE_128, table="IV", resolution=128),
        Protocol("lsun128-50k", "lsun", "train", 50_000, 50_000, SCORES, 5000, 3, True, SIDE_128, table="II", resolution=128),
        Protocol(
            "lsun256-50k", "lsun", "train", 50_000, 50_000, NO_IS, None, 3, True, table="IV", resolution=256,
            statistics_file="VIRTUAL_lsun_bedroom256.npz",
        ),
    )
}  # fmt: skip


def get_protocol(name: str) -> Protocol:
    """The protocol with this name. HarnessError if there is none."""
    if name not in PROTOCOLS:
        raise unknown_choice("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def comparability(
    protocol: Protocol, label: str, generated: int, reference: int, doubts: Sequence[str] = ()
) -> tuple[str, list[str]]:
    """Level and reasons. Levels: `paper`, `protocol-mismatch` (the paper's extractor, another protocol) and `none`.

    label: of the extractor. generated, reference: counts of the scored images. doubts: reasons why either set of images may
    not be the protocol's.
    """
    reasons = []
    if label != PAPER_LABEL:
        reasons.append(f"features are {label}, the paper's are {PAPER_LABEL}")
    if not protocol.paper:
        reasons.append(f"protocol {protocol.name} has no counterpart in the paper")
    if reasons:
        return "none", [*reasons, *doubts]
    printed = PROTOCOLS.get(protocol.name, protocol)
    if protocol.name not in PROTOCOLS or replace(protocol, is_order=printed.is_order) != printed:
        reasons.append(f"protocol {protocol.name} was changed")
    for kind, given, wanted in (("generated", generated, printed.generated), ("reference", reference, printed.reference)):
        if given != wanted:
            reasons.append(f"{given} {kind} images, the protocol's count is {wanted}")
    if protocol.statistics_file and not protocol.statistics_sha256:
        reasons.append(f"the sha256 of {protocol.statistics_file} is not known here, so that the reference cannot be checked")
    reasons += doubts
    return ("protocol-mismatch", reasons) if reasons else ("paper", [])


def score_key(name: str, label: str, level: str) -> str:
    """The name that a score must have at a comparability level: `fid` at `paper`, else for example `fd/digits-cnn`."""
    return name if level == "paper" else METRICS[name].proxy_label(label)
