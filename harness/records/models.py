"""Records: the part of a result that repeats on every machine. Measurements, which do not, are in measured.py.

There is one file per result: `runs/<cell>/run.json`, `records/<cell>.json` and `costs/<network>.json`.
`harness.records.record.write_record` sets the digests, and they are checked when a file is read.
"""

from typing import Any, Literal

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer

from harness.records.parts import (
    CONFIG,
    SCHEMA_VERSION,
    Comparability,
    Count,
    Counts,
    Digest,
    Extractor,
    File,
    Macs,
    Name,
    Neighbours,
    Networks,
    Progress,
    PublishedRun,
    Row,
    Scores,
    Sha256,
    Snapshot,
    Status,
    Text,
    TrainingData,
)


class Sealed(BaseModel):
    """A result file of one kind, with a digest over every other field."""

    model_config = CONFIG

    kind: str
    digest: Digest = ""


class Record(Sealed):
    """The fields of every record. arithmetic: "x86-64-avx2" (pinned, see harness.arithmetic), "cuda sm_90", ..."""

    schema_version: Literal[2] = SCHEMA_VERSION
    cell: Name
    profile: Name
    config: dict[str, Any]
    config_digest: Digest = ""
    command: Text
    versions: dict[str, Text]
    arithmetic: Text
    status: Status = "ok"


LATER = ("neighbours", "curve_images")


class ScoreRecord(Record):
    """The scores of one trained cell."""

    kind: Literal["score"] = "score"
    rows: list[Row] = []
    seed: Count
    images_seen: Count
    diverged_step: Count | None = None
    engine: Text
    weights_sha256: Sha256 | None
    data: TrainingData
    networks: Networks
    extractor: Extractor
    comparability: Comparability
    counts: dict[Name, Counts]
    metrics: Scores = {}
    generation_sd: Scores = {}
    untrained: Scores = {}
    history: list[Snapshot] = []
    best: Snapshot | None = None
    curves: File | None = None
    samples: File | None = None
    maps: File | None = None
    interpolation: File | None = None
    progress: Progress | None = None
    neighbours: Neighbours | None = None  # later than the others
    curve_images: Count | None = None  # generated for `untrained` and each entry of `history`; None for as many as for `metrics`
    artefacts: dict[File, Sha256] = {}

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out LATER fields that are None, so that records from before them keep their digest."""
        return {name: value for name, value in write(self).items() if value is not None or name not in LATER}


class PublishedRecord(Record):
    """The scores of weights that others published. The network is fixed, so only latents and reference vary.

    files: {path where it was published: sha256}. runs: one for each draw of latents and reference. metrics, generation_sd: their
    means and standard deviations. mismatch: where checkpoint and paper contradict each other. lacking: what was missing for
    scoring; then there are no scores.
    """

    kind: Literal["published"] = "published"
    source: Literal["published weights"] = "published weights"
    rows: list[Row] = []
    data: Name
    checkpoint: Text | None = None
    images_seen: Count | None = None
    files: dict[Text, Sha256] = {}
    weights_sha256: Sha256 | None = None
    data_sha256: dict[Name, Sha256] = {}
    networks: Networks = Networks()
    extractor: Extractor | None = None
    comparability: Comparability
    counts: dict[Name, Counts] = {}
    runs: list[PublishedRun] = []
    metrics: Scores = {}
    generation_sd: Scores = {}
    mismatch: list[Text] = []
    lacking: list[Text] = []
    samples: File | None = None
    artefacts: dict[File, Sha256] = {}


class CostRecord(Record):
    """Parameters and multiply-accumulates of one full-size network. code: digest of the code that they depend on."""

    kind: Literal["cost"] = "cost"
    title: Text
    resolution: Count | None
    steps_per_image: Count = 1
    source: Text | None = None
    note: Text | None = None
    params: Count | None
    macs: Macs
    known_differences: list[Any] = []
    code: Digest = ""


class AnchorRecord(Record):
    """Scores of pictures whose quality is known: {protocol: {kind of picture: {metric label: value}}}."""

    kind: Literal["anchor"] = "anchor"
    extractor: Extractor
    comparability: Comparability
    anchors: dict[Name, dict[str, dict[str, float]]]
    samples: File | None = None  # real pictures, to hold generated ones against
    artefacts: dict[File, Sha256] = {}

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The later fields stand in a file only where they say something: older files keep their digest."""
        return {name: value for name, value in write(self).items() if value or name not in ("samples", "artefacts")}


class Run(Sealed):
    """The record of a training, beside its weights.

    made_from: digest of configuration, data and code. weights: {file: sha256} of every other file in the folder.
    """

    kind: Literal["run"] = "run"
    cell: Name
    profile: Name
    config: dict[str, Any]
    made_from: Sha256
    status: Status
    steps: Count
    images_seen: Count
    diverged_step: Count | None = None
    engine: Text
    weights: dict[File, Sha256]
