"""Records of published weights: read back as written, refused when altered, beside the other kinds and never among them."""

import json

import pytest

from harness.errors import HarnessError
from harness.records.measured import Measurement
from harness.records.models import PublishedRecord
from harness.records.record import make, read_record, write_record
from harness.records.store import load_store

SHA = "a" * 64


def published(**changes):
    fields = {
        "cell": "cifar10",
        "profile": "published",
        "config": {"generator": {"resolution": 32}},
        "command": "python -m pipelines.published.score",
        "versions": {"python": "3.11"},
        "arithmetic": "x86-64-avx2",
        "rows": ["2:3", "3:4"],
        "data": "cifar10",
        "checkpoint": "ckpt-68096000",
        "images_seen": 68096000,
        "files": {"best-training-checkpoints/ckpt-68096000.data-00000-of-00001": SHA},
        "comparability": {"level": "paper"},
        "runs": [{"seed": 1, "reference_seed": 0, "metrics": {"cifar10-50k": {"fid": 3.3}}}],
        "metrics": {"cifar10-50k": {"fid": 3.3}},
    }
    return make(PublishedRecord, **fields | changes)


def test_a_published_record_stands_apart_from_trained_ones(tmp_path):
    record = published()
    folder = tmp_path / "published"
    write_record(folder / "records" / "cifar10.json", record)
    measured = make(Measurement, cell="cifar10", profile="published", record_digest=record.digest, processes=[])
    write_record(folder / "measured" / "cifar10.json", measured)
    store = load_store("published", tmp_path)
    assert store.scores == {}
    assert store.published == {"cifar10": record}
    assert store.measurements == {"cifar10": measured}
    assert store.published_of_row("3:4", "9:9") == [record]
    assert store.published_of_row("1:1") == []
    assert record.source == "published weights"


def test_an_altered_published_record_is_refused(tmp_path):
    path = tmp_path / "cifar10.json"
    write_record(path, published())
    value = json.loads(path.read_text())
    value["metrics"]["cifar10-50k"]["fid"] = 3.2
    path.write_text(json.dumps(value))
    with pytest.raises(HarnessError, match="altered"):
        read_record(path)


@pytest.mark.parametrize(
    "change", [{"source": "trained"}, {"files": {"config.json": "x"}}, {"runs": [{"seed": -1}]}, {"data": None}]
)
def test_a_published_record_that_does_not_fit_is_refused(change):
    with pytest.raises(HarnessError, match="does not fit the record schema"):
        published(**change)


def test_a_picture_that_is_named_must_exist():
    with pytest.raises(HarnessError, match="does not exist"):
        published(samples="results/published/samples/no-such.png")
