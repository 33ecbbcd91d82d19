"""What is compared with what, and whether the result may be held against the paper.

A protocol fixes the sample counts, the reference split and the scores. The words FID, sFID, IS, precision and recall belong
to the pinned Inception weights under one of the paper's protocols followed to the letter; every other score carries the
name of its extractor.
"""

from dataclasses import dataclass, replace

from harness.errors import HarnessError
from harness.metrics.features import Features
from harness.metrics.frechet import frechet_from_features
from harness.metrics.inception_score import inception_score
from harness.metrics.precision_recall import precision_recall

PAPER_LABEL = "inception-v3@6726825d"
PROXY_NAMES = {"fid": "fd", "sfid": "sfd", "is": "isx", "precision": "precision", "recall": "recall"}
SCORES = tuple(PROXY_NAMES)


@dataclass(frozen=True)
class Protocol:
    """One way to score. None for a count means: as many as the reference split has.

    `dataset` is the manifest name the reference must have (None: any images); `is_chunk` the images per chunk of the
    Inception score (None: one chunk); `paper` whether the paper's tables hold a counterpart.
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

    def reduced(self, generated: int, reference: int) -> "Protocol":
        """The same protocol at other counts, for dry runs; never comparable with the paper."""
        return replace(self, generated=generated, reference=reference, is_chunk=None)

    def check_counts(self, generated: int, reference: int) -> None:
        """Raises HarnessError when there are too few images of either kind."""
        wanted = {"generated": self.generated or reference, "reference": self.reference or reference}
        for kind, given in (("generated", generated), ("reference", reference)):
            if given < wanted[kind]:
                needs = f"protocol {self.name} needs {wanted[kind]}"
                raise HarnessError(f"given {given} {kind} images; {needs}; supply more or choose another protocol")

    def generated_count(self, reference: int) -> int:
        """How many images to generate when the reference split has `reference` images."""
        return self.generated or reference


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("digits-train", "digits", "train"),
        Protocol("digits-test", "digits", "test"),
        Protocol("images-train", None, "train"),
        Protocol("images-test", None, "test"),
    )
}


def comparability(protocol: Protocol, label: str, generated: int, reference: int) -> tuple[str, list[str]]:
    """Level and reasons: `paper`, `protocol-mismatch` (the paper's extractor, another protocol) or `none`.

    `label` is the extractor's; `generated` and `reference` are the image counts that were scored.
    """
    reasons = []
    if label != PAPER_LABEL:
        reasons.append(f"features are {label}, the paper's are {PAPER_LABEL}")
    if not protocol.paper:
        reasons.append(f"protocol {protocol.name} has no counterpart in the paper")
    if reasons:
        return "none", reasons
    printed = PROTOCOLS.get(protocol.name)
    if protocol != printed:
        reasons.append(f"protocol {protocol.name} was changed")
    for kind, given, wanted in (("generated", generated, printed.generated), ("reference", reference, printed.reference)):
        if given != wanted:
            reasons.append(f"{given} {kind} images, the protocol's count is {wanted}")
    return ("protocol-mismatch", reasons) if reasons else ("paper", [])


def scores(generated: Features, reference: Features, protocol: Protocol) -> dict[str, float]:
    """The protocol's scores, keyed `fid`, `sfid`, `is`, `precision`, `recall` where they are comparable with the paper,
    otherwise `fd/<label>`, `sfd/<label>`, `isx/<label>`, `precision/<label>`, `recall/<label>`.
    """
    if generated.label != reference.label:
        raise HarnessError(f"given features of {generated.label} and {reference.label}; use one extractor for both sets")
    protocol.check_counts(len(generated), len(reference))
    level, _ = comparability(protocol, generated.label, len(generated), len(reference))
    values = raw_scores(generated, reference, protocol)
    return {score_key(name, generated.label, level): value for name, value in values.items()}


def raw_scores(generated: Features, reference: Features, protocol: Protocol) -> dict[str, float]:
    """The protocol's scores under their bare names; not for printing."""
    values = {}
    if "fid" in protocol.scores:
        values["fid"] = frechet_from_features(generated.pool, reference.pool)
    if "sfid" in protocol.scores:
        values["sfid"] = frechet_from_features(generated.spatial, reference.spatial)
    if "is" in protocol.scores:
        values["is"] = inception_score(generated.logits, protocol.is_chunk)[0]
    if {"precision", "recall"} & set(protocol.scores):
        values["precision"], values["recall"] = precision_recall(generated.pool, reference.pool, protocol.neighbours)
    return values


def score_key(name: str, label: str, level: str) -> str:
    """The only name under which a score may appear at a comparability level."""
    return name if level == "paper" else f"{PROXY_NAMES[name]}/{label}"
