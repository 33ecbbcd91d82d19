"""The parts of records: checked texts, names, hashes and counts, and the small models inside records."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SCHEMA_VERSION: Final = 2

# no control characters, because these texts are printed and written to CSV, Markdown, LaTeX and HTML
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100)]
Row = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*:[1-9][0-9]*$")]  # "1:16" is row 16 of Table I
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# a path inside the working directory, not hidden, such as results/digits/samples/table1-16.png
File = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]*/)*[A-Za-z0-9][A-Za-z0-9_-]*\.[a-z]+$", max_length=500),
]
Digest = Sha256 | Literal[""]  # "" until the record is sealed
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Status = Literal["ok", "diverged", "failed"]
Scores = dict[Name, dict[str, float]]  # {protocol: {metric label: value}}


# for everything in a result file: no unknown field, no NaN or infinity, no text for a number, no changes
CONFIG = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Model(BaseModel):
    """Base class of the models inside result files."""

    model_config = CONFIG


class Git(Model):
    """The commit of the tree that holds the code. dirty: the tree differs from its commit. reason: why there is no commit."""

    commit: Text | None
    dirty: bool | None
    reason: str = ""


class Extractor(Model):
    """The network whose features were scored. sha256: of its weights."""

    name: Name
    label: Text
    sha256: Sha256


class Comparability(Model):
    """Whether scores can be compared with the paper's, and if not, why."""

    level: Literal["paper", "protocol-mismatch", "none"]
    reasons: list[Text] = []


class Counts(Model):
    """Numbers of images that a protocol scored."""

    generated: Count
    reference: Count


class TrainingData(Model):
    """The training images: dataset key, hash of the split, images used, share of the split."""

    name: Name
    sha256: Sha256
    train_count: Count
    fraction: float


class Networks(Model):
    """Names of the cost records of a cell's networks at the paper's size. None if there is no such network."""

    generator: Name | None = None
    discriminator: Name | None = None


class Snapshot(Model):
    """Scores of the averaged generator after `nimg` images."""

    nimg: Count
    metrics: Scores


class PublishedRun(Model):
    """Scores of one draw. seed: of the latents. reference_seed: of the reference, if it is a subset of its split."""

    seed: Count
    reference_seed: Count
    metrics: Scores


class Progress(Model):
    """The picture with one row of samples per snapshot. nimg: images seen at each row."""

    path: File
    nimg: list[Count]


class Neighbours(Model):
    """The picture of samples over their nearest training images; median feature distance to the nearest of `among` training
    images, of samples and of real images held out. None where there are no such images."""

    path: File
    among: Count = 0
    samples: float | None = None
    held_out: float | None = None


class Macs(Model):
    """Multiply-accumulates per evaluation, counted in several ways. None if a way cannot count the network."""

    true: Count | None = None
    fvcore: Count | None = None
    torch_meta: Count | None = None
    closed_form: Count | None = None
    printed_convention: Count | None = None


class Process(Model):
    """One process that worked on a result. started: ISO 8601, UTC. images: trained by this process."""

    stage: Text
    started: Text
    seconds: Seconds
    device: Text
    instruction_sets: Text  # "AVX2, no AVX-512"
    cores: Count
    git: Git
    images: Count | None = None  # that this process trained


class Rate(Model):
    """Evaluations per second at one batch size: median, slowest and fastest repeat. peak_bytes: of memory."""

    median: float
    low: float
    high: float
    repeats: Count | None = None
    peak_bytes: Count | None = None
