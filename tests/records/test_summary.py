"""What `dvc metrics` reads: one small file a cell."""

import json

from harness.records import summary
from harness.records.models import ScoreRecord
from harness.records.record import read_as

COMMITTED = "results/digits/records/table1-16.json"


def test_a_cell_is_its_first_protocols_scores_under_short_names():
    record = read_as(ScoreRecord, COMMITTED)
    found = summary.summary(record)
    assert list(found) == ["images", "fd", "sfd", "isx", "precision", "recall"]
    assert (found["images"], found["fd"]) == (record.images_seen, record.metrics["digits-train"]["fd/digits-cnn"])
    diverged = record.model_copy(update={"metrics": {}, "status": "diverged"})
    assert summary.summary(diverged) == {"images": record.images_seen, "status": "diverged"}


def test_files_of_cells_that_are_no_more_go(tmp_path):
    record, folder = read_as(ScoreRecord, COMMITTED), tmp_path / "metrics"
    summary.write_summaries({"a": record, "b": record}, folder)
    summary.write_summaries({"b": record}, folder)
    assert [path.name for path in folder.iterdir()] == ["b.json"]
    assert json.loads((folder / "b.json").read_text())["images"] == record.images_seen
