"""What a result file may hold. Records repeat on every machine; measurements (time, memory, device) never do.

One file per result: `runs/<cell>/run.json`, `records/<cell>.json` and `costs/<network>.json` repeat; what cannot stands in
`measured/train/<cell>.json`, `measured/<cell>.json` and `throughput/<network>.json`. Digests are set by
`harness.records.record.write_record` and checked when a file is read.
"""

from typing import Any, Literal

from pydantic import BaseModel

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
    Networks,
    Process,
    Progress,
    PublishedRun,
    Rate,
    Row,
    Scores,
    Sha256,
    Snapshot,
    Status,
    Text,
    TrainingData,
)


class Sealed(BaseModel):
    """A file of its own, of one kind, with a digest over every other field."""

    model_config = CONFIG

    kind: str
    digest: Digest = ""


class Record(Sealed):
    """What every record holds. arithmetic: "x86-64-avx2" (pinned, see harness.arithmetic), "cuda sm_90", ..."""

    schema_version: Literal[2] = SCHEMA_VERSION
    cell: Name
    profile: Name
    config: dict[str, Any]
    config_digest: Digest = ""
    command: Text
    versions: dict[str, Text]
    arithmetic: Text
    status: Status = "ok"


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
    artefacts: dict[File, Sha256] = {}


class PublishedRecord(Record):
    """The scores of weights that others published: one fixed network, so that only its latents and its reference vary.

    files: sha256 of what was published, by its path there. `runs` are one draw of latents and reference each, `metrics` and
    `generation_sd` their means and standard deviations. mismatch: where checkpoint and paper do not belong together.
    lacking: what was not there to score it with; then there are no scores.
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
    """Parameters and multiply-accumulates of one full-size network; `code` is the digest of the code that they depend on."""

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


class Measured(Sealed):
    """What cannot repeat: the processes that worked on a cell, and the memory of its training."""

    cell: Name
    profile: Name
    processes: list[Process]
    peak_bytes: Count | None = None
    engine_error: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Wall time of all processes together."""
        return sum(process.seconds for process in self.processes)

    @property
    def devices(self) -> list[str]:
        """Devices of the processes, each once, in their order."""
        return list(dict.fromkeys(process.device for process in self.processes))


class Training(Measured):
    """What cannot repeat of a training; `run_digest` is the digest of its run.json."""

    kind: Literal["training"] = "training"
    run_digest: Sha256


class Measurement(Measured):
    """What cannot repeat of a score, published or anchor record: also the processes that trained and scored it."""

    kind: Literal["measurement"] = "measurement"
    record_digest: Sha256


class Throughput(Sealed):
    """What cannot repeat of a cost record: rates by batch size, memory and energy, on one device."""

    kind: Literal["throughput"] = "throughput"
    network: Name
    profile: Name
    record_digest: Sha256
    process: Process
    limits: dict[str, Any]
    threads: Count
    rates: dict[str, Rate] = {}
    peak_bytes: Count | None = None
    energy: dict[str, float] | None = None


class Run(Sealed):
    """What repeats of a training, beside its weights. made_from: digest of configuration, data and code; weights: {file: sha256}
    of every other file in the folder."""

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
