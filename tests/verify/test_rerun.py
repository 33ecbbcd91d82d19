import os
import textwrap
from pathlib import Path

import pytest

from harness.config import load_params
from harness.errors import HarnessError
from harness.files import write_json
from harness.records.record import seal
from harness.records.store import load_store
from harness.verify.agreement import prediction_interval
from harness.verify.rerun import _params_with_seed, compare, rerun
from pipelines.profile import load_profile

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {"data": "digits", "train": {"seed": 2, "nimg": 3200}}
PARAMS = """
profile: digits
data: {digits: {name: digits}}
cells:
  lada: {data: digits, train: {seed: 2}}
rows: {lada: ["1:16"]}
"""
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
    add_score("lada", ["1:16"], seed=2, command=COMMAND, config=CONFIG, metrics={"digits-train": {"fd/digits-cnn": 12.0}})
    (tmp_path / "results/digits/records/lada.json").rename(tmp_path / "recorded.json")
    (tmp_path / "results/digits/records/lada.json").write_text((tmp_path / "recorded.json").read_text())
    pipelines = tmp_path / "pipelines"
    (pipelines / "digits").mkdir(parents=True)
    (pipelines / "digits/params.yaml").write_text(PARAMS)
    (pipelines / "train.py").write_text("")
    (pipelines / "evaluate.py").write_text(textwrap.dedent(EVALUATE))
    os.symlink(ROOT / "harness", tmp_path / "harness")
    (tmp_path / "results/digits/data/digits").mkdir(parents=True)
    (tmp_path / "results/digits/data/digits/manifest.json").write_text("{}")
    (tmp_path / "results/digits/extractor").mkdir()
    return load_store("digits")


def test_the_same_seed_gives_the_same_number(recorded):
    (line,), agree = rerun(recorded, "lada", [])
    assert line == "digits-train fd/digits-cnn: recorded 12, repeated 12: bit-identical"
    assert agree
    assert load_store("digits").scores["lada"].metrics == recorded.scores["lada"].metrics  # results are untouched


def test_other_seeds_make_an_interval(recorded):
    (line,), agree = rerun(recorded, "lada", [1, 3])
    assert "inside the 95% prediction interval" in line
    assert agree


@pytest.mark.parametrize("written", [{"seed": 1}, {"train": {"seed": 1}}, {}])
def test_the_seed_that_is_asked_for_is_trained_whatever_the_cell_says(tmp_path, written):
    params = load_params(ROOT / "pipelines/digits/params.yaml")
    params["cells"]["table1-16"] |= written
    write_json(tmp_path / "params.yaml", params)
    target = _params_with_seed(tmp_path / "params.yaml", "table1-16", 5, tmp_path)
    assert load_profile(target).cells["table1-16"].train.seed == 5


def repeated(record, **changes):
    return seal(record.model_copy(update=changes))


def metrics(value, name="fd/digits-cnn"):
    return {"digits-train": {name: value}}


def test_what_does_not_agree_is_said(recorded):
    record = recorded.scores["lada"]
    seeds = [repeated(record, cell=f"s{seed}", seed=seed, metrics=metrics(12.0 + seed / 10)) for seed in range(5)]
    verdicts = {
        12.0: ("bit-identical", True),
        12.3: ("differs by 2.50%, inside the 95% prediction interval", True),
        15.0: ("outside the 95% prediction interval", False),
    }
    for value, (words, agrees) in verdicts.items():
        (line, *_), agree = compare(record, [repeated(record, metrics=metrics(value))], [2], seeds)
        assert words in line
        assert agree is agrees
    (line,), agree = compare(record, [repeated(record, metrics=metrics(12.1))], [2], seeds[:1])
    assert ("one seed has no interval" in line, agree) == (True, False)


def test_other_names_another_end_and_other_arithmetic_never_agree(recorded):
    record = recorded.scores["lada"]
    lines, agree = compare(record, [repeated(record, metrics=metrics(12.0, "fd/other"))], [2], [])
    assert ([line.endswith("only one side has it") for line in lines], agree) == ([True, True], False)
    diverged = repeated(record, metrics={}, status="diverged", diverged_step=3, arithmetic="aarch64")
    lines, agree = compare(record, [diverged], [2], [])
    assert lines[1:] == [
        "seed 2: recorded ok, repeated diverged",
        "the repetition differs in arithmetic (test there, aarch64 here)",
    ]
    assert not agree


def test_inputs_are_checked_before_anything_is_trained(recorded, tmp_path):
    (tmp_path / "pipelines/train.py").write_text("raise SystemExit(3)")
    with (tmp_path / "pipelines/digits/params.yaml").open("a") as file:
        file.write("train: {nimg: 640}\n")
    with pytest.raises(HarnessError, match=r"not what params.yaml asks for \(train.nimg 3200"):
        rerun(load_store("digits"), "lada", [])
    for path in ("extractor", "data/digits/manifest.json"):
        place = tmp_path / "results/digits" / path
        place.unlink() if place.is_file() else place.rmdir()
        with pytest.raises(HarnessError, match=f"{path}: not here"):
            rerun(load_store("digits"), "lada", [])


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
