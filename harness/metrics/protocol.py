"""What is compared with what, and whether the result may be held against the paper.

A protocol fixes the sample counts, the reference and the scores. The words FID, sFID, IS, precision and recall belong to the
pinned Inception weights under one of the paper's protocols followed to the letter; every other score carries the name of its
extractor.
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
SUBSET_SEED = 0  # of every draw of some images from more: which ones are scored never depends on their names
SCORES = tuple(METRICS)
LEVELS = ("paper", "protocol-mismatch", "none")


@dataclass(frozen=True)
class Protocol:
    """One way to score. None for a count means: as many as the reference split has.

    `dataset` is the manifest name the reference must have (None: any images) and `preparation` the entries its manifest must
    have. A reference smaller than its split is drawn at random, once. `is_chunk` is the number of images per chunk of the
    Inception score (None: one chunk). `statistics_file` names a published ADM-format file that is the reference instead of
    images, `statistics_sha256` its hash. `paper` says whether the paper's tables hold a counterpart, `table` where.
    `resolution` is the pictures' side in pixels before any resize (None: any).

    `is_order` says how images are dealt out to the Inception score's chunks: "shuffled" by a fixed seed as in torch-fidelity, or
    "adm", consecutively as in the ADM evaluator. The paper's images are independent samples, so that both orders estimate its
    score; of pictures sorted by class only "shuffled" does.
    """

    name: str
    dataset: str | None
    reference_split: str
    generated: int | None = None
    reference: int | None = None
    scores: tuple[str, ...] = SCORES
    is_chunk: int | None = None
    neighbours: int = 3
    paper: bool = False
    preparation: Mapping[str, Any] = field(default_factory=dict)
    statistics_file: str | None = None
    statistics_sha256: str | None = None
    table: str = ""
    resolution: int | None = None
    is_order: Literal["shuffled", "adm"] = "shuffled"

    def reduced(self, generated: int, reference: int) -> "Protocol":
        """The same protocol at other counts and on a reference of any origin, for dry runs; never comparable with the paper."""
        return replace(self, generated=generated, reference=reference, is_chunk=None, preparation={}, statistics_file=None)

    def generated_count(self, reference: int) -> int:
        """How many images to generate when the reference has `reference` images."""
        return self.generated or reference

    def reference_indices(self, split_count: int) -> np.ndarray | None:
        """Sorted indices of the reference images in a split of `split_count`; None for all of them."""
        if self.reference is None or self.reference == split_count:
            return None
        self.check_counts(self.generated or split_count, split_count)
        return drawn_indices(split_count, self.reference, SUBSET_SEED)

    def check_counts(self, generated: int, reference: int) -> None:
        """Raises HarnessError when there are too few images of either kind."""
        wanted = {"generated": self.generated or reference, "reference": self.reference or reference}
        for kind, given in (("generated", generated), ("reference", reference)):
            if given < wanted[kind]:
                needs = f"protocol {self.name} needs {wanted[kind]}"
                raise HarnessError(f"given {given} {kind} images; {needs}; supply more or choose another protocol")

    def check_statistics(self, path: Path) -> None:
        """Raises HarnessError where a statistics file is not the protocol's reference."""
        if self.statistics_sha256 and sha256_file(path) != self.statistics_sha256:
            raise HarnessError(f"{path} is not {self.statistics_file} of protocol {self.name}; expected {self.statistics_sha256}")

    def check_manifest(self, manifest: Mapping[str, Any], where: object) -> None:
        """Raises HarnessError where prepared images are not the protocol's reference."""
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
NO_IS = tuple(name for name in SCORES if name != "is")  # ImageNet's classes say nothing of faces or bedrooms, nor does the paper

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("digits-train", "digits", "train"),
        Protocol("digits-test", "digits", "test"),
        Protocol("images-train", None, "train"),
        Protocol("images-test", None, "test"),
        Protocol("cifar10-50k", "cifar10", "train", 50_000, 50_000, SCORES, 5000, 3, True, CIFAR10, table="I-IV", resolution=32),
        Protocol("cifar10-10k", "cifar10", "test", 10_000, 10_000, SCORES, 5000, 3, True, CIFAR10, table="III", resolution=32),
        Protocol("celeba-19k", "celeba", "test", 19_962, 19_962, NO_IS, None, 3, True, CELEBA, table="II, IV", resolution=64),
        Protocol("celeba-50k", "celeba", "train", 50_000, 162_770, NO_IS, None, 3, True, CELEBA, table="IV", resolution=64),
        Protocol("ffhq-50k", "ffhq", "train", 50_000, 70_000, NO_IS, None, 3, True, SIDE_128, table="II, IV", resolution=128),
        Protocol("lsun128-30k", "lsun", "train", 30_000, 30_000, NO_IS, None, 3, True, SIDE_128, table="IV", resolution=128),
        Protocol("lsun128-50k", "lsun", "train", 50_000, 50_000, NO_IS, None, 3, True, SIDE_128, table="II", resolution=128),
        Protocol(
            "lsun256-50k", "lsun", "train", 50_000, 50_000, NO_IS, None, 3, True, table="IV", resolution=256,
            statistics_file="VIRTUAL_lsun_bedroom256.npz",
        ),
    )
}  # fmt: skip


def get_protocol(name: str) -> Protocol:
    """The protocol called `name`, or HarnessError."""
    if name not in PROTOCOLS:
        raise unknown_choice("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def comparability(
    protocol: Protocol, label: str, generated: int, reference: int, doubts: Sequence[str] = ()
) -> tuple[str, list[str]]:
    """Level and reasons: `paper`, `protocol-mismatch` (the paper's extractor, another protocol) or `none`.

    `label` is the extractor's; `generated` and `reference` are the image counts that were scored; `doubts` say why
    either set of images may not be the protocol's.
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
    """The only name under which a score may appear at a comparability level: `fid`, or `fd/digits-cnn`."""
    return name if level == "paper" else METRICS[name].proxy_label(label)
