"""What a result file may hold. Records repeat on every machine; measurements (time, memory, device) never do.

One file per result: `runs/<cell>/run.json`, `records/<cell>.json` and `costs/<network>.json` repeat; what cannot stands in
`measured/train/<cell>.json`, `measured/<cell>.json` and `throughput/<network>.json`. Digests are set by
`harness.records.record.write_record` and checked when a file is read.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SCHEMA_VERSION = 2

# no control characters: these texts are printed, and stand in CSV, Markdown, LaTeX and HTML
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100)]
Row = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*:[1-9][0-9]*$")]  # "1:16" is row 16 of Table I
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# inside the working directory, and never hidden: results/digits/samples/table1-16.png
File = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]*/)*[A-Za-z0-9][A-Za-z0-9_-]*\.[a-z]+$", max_length=500),
]
Digest = Sha256 | Literal[""]  # "" until the record is sealed
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Status = Literal["ok", "diverged", "failed"]
Scores = dict[Name, dict[str, float]]  # {protocol: {metric label: value}}


class Model(BaseModel):
    """Base of everything in a result file: no unknown field, no NaN or infinity, not changed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Sealed(Model):
    """A file of its own, of one kind, with a digest over every other field."""

    kind: str
    digest: Digest = ""


class Git(Model):
    """The commit of the tree that holds the code; `reason` says why there is none. dirty: that tree differs from its commit."""

    commit: Text | None
    dirty: bool | None
    reason: str = ""


class Extractor(Model):
    """The network whose features were scored; `label` carries no hash, `sha256` is its weights' hash."""

    name: Name
    label: Text
    sha256: Sha256


class Comparability(Model):
    """Whether scores may be held against the paper's, and why not."""

    level: Literal["paper", "protocol-mismatch", "none"]
    reasons: list[Text] = []


class Counts(Model):
    """Images that a protocol scored."""

    generated: Count
    reference: Count


class TrainingData(Model):
    """The training images: dataset key, hash of the split, images used, share of the split."""

    name: Name
    sha256: Sha256
    train_count: Count
    fraction: float


class Networks(Model):
    """Names of the cost records of a cell's networks at the paper's size; None where there is no such network."""

    generator: Name | None = None
    discriminator: Name | None = None


class Snapshot(Model):
    """Scores of the averaged generator after `nimg` images."""

    nimg: Count
    metrics: Scores


class Progress(Model):
    """The picture with one row of samples per snapshot, and the images seen at each row."""

    path: File
    nimg: list[Count]


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


class Macs(Model):
    """Multiply-accumulates per evaluation, counted in several ways; None where a way cannot count the network."""

    true: Count | None = None
    fvcore: Count | None = None
    torch_meta: Count | None = None
    closed_form: Count | None = None
    printed_convention: Count | None = None


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


class Process(Model):
    """One process that worked on a result: never credited with what another one did. started: ISO 8601, UTC."""

    stage: Text
    started: Text
    seconds: Seconds
    device: Text
    instruction_sets: Text  # "AVX2, no AVX-512"
    cores: Count
    git: Git
    images: Count | None = None  # that this process trained


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
    """What cannot repeat of a score or anchor record: also the processes that trained and scored it."""

    kind: Literal["measurement"] = "measurement"
    record_digest: Sha256


class Rate(Model):
    """Evaluations per second at one batch size: median, slowest and fastest repeat; peak_bytes of memory."""

    median: float
    low: float
    high: float
    repeats: Count | None = None
    peak_bytes: Count | None = None


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
