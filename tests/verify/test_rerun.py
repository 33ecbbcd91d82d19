import os
import textwrap
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.records.store import load_store
from harness.verify.rerun import prediction_interval, rerun

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python -m pipelines.evaluate --params pipelines/digits/params.yaml --cell lada"
# a pipeline whose score is 10 plus the training seed, beside the record it was given
EVALUATE = """
    import sys
    from pathlib import Path
    from harness.config import load_params
    from harness.records.models import ScoreRecord
    from harness.records.record import read_as, write_record
    seed = load_params(sys.argv[2])["cells"]["lada"]["train"]["seed"]
    assert Path("results/digits/data/digits/manifest.json").is_file() and not Path("results/digits/records").exists()
    changes = {"seed": seed, "metrics": {"digits-train": {"fd/digits-cnn": 10.0 + seed}}, "curves": None, "samples": None}
    record = read_as(ScoreRecord, "recorded.json").model_copy(update=changes)
    write_record("results/digits/records/lada.json", record)
"""


@pytest.fixture
def recorded(add_score, tmp_path, monkeypatch):
    """A record of seed 2 and a pipeline that repeats it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    add_score("lada", ["1:16"], seed=2, command=COMMAND, metrics={"digits-train": {"fd/digits-cnn": 12.0}})
    (tmp_path / "results/digits/records/lada.json").rename(tmp_path / "recorded.json")
    (tmp_path / "results/digits/records/lada.json").write_text((tmp_path / "recorded.json").read_text())
    pipelines = tmp_path / "pipelines"
    (pipelines / "digits").mkdir(parents=True)
    (pipelines / "digits/params.yaml").write_text("profile: digits\ncells:\n  lada: {data: digits, train: {seed: 2}}\n")
    (pipelines / "train.py").write_text("")
    (pipelines / "evaluate.py").write_text(textwrap.dedent(EVALUATE))
    os.symlink(ROOT / "harness", tmp_path / "harness")
    (tmp_path / "results/digits/data/digits").mkdir(parents=True)
    (tmp_path / "results/digits/data/digits/manifest.json").write_text("{}")
    return load_store("digits")


def test_the_same_seed_gives_the_same_number(recorded):
    (line,) = rerun(recorded, "lada", [])
    assert line == "digits-train fd/digits-cnn: recorded 12, repeated 12: identical"
    assert load_store("digits").scores["lada"].metrics == recorded.scores["lada"].metrics  # results are untouched


def test_other_seeds_make_an_interval(recorded):
    (line,) = rerun(recorded, "lada", [1, 3])
    assert "inside the 95% prediction interval" in line


def test_unknown_cells_and_failing_stages_are_errors(recorded, tmp_path):
    with pytest.raises(HarnessError, match="did you mean 'lada'"):
        rerun(recorded, "lad", [])
    (tmp_path / "pipelines/train.py").write_text("raise SystemExit(3)")
    with pytest.raises(HarnessError, match="stage train ended with status 3"):
        rerun(recorded, "lada", [])


def test_prediction_interval_is_students():
    low, high = prediction_interval([1.0, 2.0, 3.0])  # t(0.975, 2) = 4.302653, sqrt(1 + 1/3)
    assert (high - low) / 2 == pytest.approx(4.302653 * (4 / 3) ** 0.5, abs=1e-5)
    assert (high + low) / 2 == 2
