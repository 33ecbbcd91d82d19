"""Makes the model card of a published model from its records: the Hub's metadata and the text of its README.md."""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.metrics.metric import metric_of
from harness.metrics.protocol import PROTOCOLS
from harness.paper import NOT_PRINTED
from harness.paper.configuration import flatten
from harness.records.models import ScoreRecord
from harness.records.store import Store
from harness.report.tables import build_tables
from harness.report.text import markdown, markdown_text
from harness.report.verdicts import NOT_COMPARABLE

LIBRARY, PAPER, TASK = "ladagan-harness", "2401.09596", "unconditional-image-generation"
SAMPLES = "samples.png"


@dataclass(frozen=True)
class Figure:
    """One measured score with its protocol and label, the paper's figure and its place, and the verdict."""

    protocol: str
    label: str
    value: float
    printed: str
    where: str
    verdict: str

    @property
    def name(self) -> str:
        """`FD (digits-cnn)`; `FID` alone where the paper's own protocol was followed."""
        metric, extractor = metric_of(self.label), self.label.partition("/")[2]
        if metric is None:
            return self.label
        return f"{metric.proxy_heading} ({extractor})" if extractor else metric.heading


def figures(store: Store, record: ScoreRecord) -> list[Figure]:
    """Every score of the record's last weights. Its verdict is that of the paper's table with this value."""
    judged: dict[tuple[str, float], tuple[str, str, str]] = {}
    for where, label, value, printed, verdict in _judged(store, record.cell):
        judged.setdefault((label, value), (printed, where, verdict))
    unjudged = NOT_PRINTED if record.comparability.level == "paper" else NOT_COMPARABLE
    return [
        Figure(protocol, label, value, *judged.get((label, value), (NOT_PRINTED, "", unjudged)))
        for protocol, scores in record.metrics.items()
        for label, value in scores.items()
    ]


def _judged(store: Store, name: str) -> Iterator[tuple[str, str, float, str, str]]:
    for table in build_tables(store):
        for row, (_, cells) in enumerate(table.rows, start=1):
            for cell in cells.values():
                if name in cell.records:
                    where = f"{table.label}, row {row}" if table.printed else ""
                    yield from ((where, cell.label, point, cell.printed, cell.verdict) for point in cell.points)


def model_card(store: Store, record: ScoreRecord) -> str:
    """README.md: YAML metadata as huggingface_hub writes it, then what a reader needs to use the model and judge its scores."""
    found = figures(store, record)
    parts = [_head(record), _use(record), _scores(record, found), _training(record), _provenance(store, record)]
    return f"---\n{_metadata(record, found)}\n---\n\n" + "\n".join(parts)


def _metadata(record: ScoreRecord, found: list[Figure]) -> str:
    from huggingface_hub import EvalResult, ModelCardData  # a second; nothing else of the report needs it

    results = [
        EvalResult(
            task_type=TASK,
            dataset_type=_dataset(record, figure.protocol),
            dataset_name=record.data.name,
            dataset_config=figure.protocol,
            dataset_split=PROTOCOLS[figure.protocol].reference_split if figure.protocol in PROTOCOLS else None,
            metric_type=figure.label,
            metric_name=figure.name,
            metric_value=figure.value,
            metric_args={"printed": figure.printed, "verdict": figure.verdict, "images": _counts(record, figure.protocol)},
        )
        for figure in found
    ]
    data = ModelCardData(
        library_name=LIBRARY,
        license="mit",
        pipeline_tag=TASK,
        datasets=sorted({_dataset(record, protocol) for protocol in record.metrics}),
        metrics=sorted({figure.label for figure in found}),
        tags=[f"arxiv:{PAPER}", "gan", "ladagan", "model_hub_mixin", "pytorch_model_hub_mixin"],
        model_name=f"{record.profile}-{record.cell}",
        eval_results=results,
    )
    return data.to_yaml()


def _dataset(record: ScoreRecord, protocol: str) -> str:
    stated = PROTOCOLS[protocol].dataset if protocol in PROTOCOLS else None
    return stated or record.data.name


def _head(record: ScoreRecord) -> str:
    side, attention = record.config["generator"]["resolution"], record.config["attention"]
    return f"""# {record.profile}/{record.cell}

A generator of {side}x{side} pictures in the family of LadaGAN ([arXiv {PAPER}](https://arxiv.org/abs/{PAPER})), attention
`{attention}`, trained on `{record.data.name}` by the LadaGAN harness for {record.images_seen:,} images. These are the averaged
weights at the end of training, seed {record.seed}.

![64 uncurated samples]({SAMPLES})

*Seeds 0 to 63, uncurated, without truncation.*
"""


def _use(record: ScoreRecord) -> str:
    attention, config = record.config["attention"], record.config["generator"]
    noise, side = config["noise_dim"], config["resolution"]
    papers_own = attention == "lada"  # which lada.hub knows by its name
    imports = "" if papers_own else "from baselines.attention import ATTENTIONS\n"
    mechanism = "" if papers_own else f", mechanism=ATTENTIONS[{attention!r}]"
    return f"""## Use

In a clone of the harness, where FOLDER is this folder (or, in Python, the name of this repository):

```python
import torch
{imports}from lada.hub import Generator

generator = Generator.from_pretrained("FOLDER"{mechanism})
images = generator(torch.randn(4, {noise}))  # (4, 3, {side}, {side}), around [-1, 1]
```

`python -m harness.sample FOLDER --seeds 0-63 --grid {SAMPLES}` draws the picture above.
"""


def _scores(record: ScoreRecord, found: list[Figure]) -> str:
    rows = [
        [figure.name, figure.protocol, _counts(record, figure.protocol), f"{figure.value:.4f}", _printed(figure), figure.verdict]
        for figure in found
    ]
    table = markdown_text(["metric", "protocol", "images", "measured", "printed in the paper", "verdict"], rows)
    level = record.comparability
    why = f"\nNot comparable with the paper: {markdown('; '.join(level.reasons))}.\n" if level.level == "none" else ""
    return f"## Scores\n\n{table}{why}"


def _printed(figure: Figure) -> str:
    return f"{figure.printed} ({figure.where})" if figure.where else figure.printed


def _counts(record: ScoreRecord, protocol: str) -> str:
    counts = record.counts.get(protocol)
    return f"{counts.generated:,} against {counts.reference:,}" if counts else "-"


def _training(record: ScoreRecord) -> str:
    rows = [[key, str(value)] for key, value in flatten(record.config).items()]
    return f"## Training\n\n{markdown_text(['key', 'value'], rows)}"


def _provenance(store: Store, record: ScoreRecord) -> str:
    facts = [
        ["weights", f"model.safetensors, sha256 {record.weights_sha256}"],
        ["record", f"digest {record.digest}"],
        ["training data", f"{record.data.train_count:,} images, sha256 {record.data.sha256}"],
        ["features", f"{record.extractor.label}, sha256 {record.extractor.sha256}"],
        ["arithmetic", record.arithmetic],
        ["versions", ", ".join(f"{name} {number}" for name, number in record.versions.items())],
        ["scored by", record.command],
        *[["not what params.yaml asks for", reason] for reason in store.mixture().get(record.cell, [])],
    ]
    return f"## Provenance\n\n{markdown_text(['what', 'value'], facts)}"
