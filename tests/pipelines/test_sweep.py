"""The sweep's bookkeeping, with an executor that runs each job at once, in this process."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import HarnessError
from pipelines.commands import devices, jobs, sweep

PIPELINE, PARAMS = "pipelines/tiny/dvc.yaml", Path("pipelines/tiny/params.yaml")


class Job:
    state = "RUNNING"
    paths = SimpleNamespace(result_pickle=Path("no-result"))

    def __init__(self, function=None, error=None):
        self.function, self.error = function, error

    def done(self):
        return True

    def exception(self):
        return self.error

    def submission(self):
        return self


class Executor:
    def __init__(self):
        self.parameters = []

    def update_parameters(self, **given):
        self.parameters.append(given)

    def submit(self, function, *args):
        try:
            function(*args)
        except RuntimeError as error:
            return Job(function, error)
        return Job(function)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A profile of four cells, of which `broken` fails always, `requeued` once and `stale` ends with other parameters.

    Returns the words of every DVC command and what `dvc status` says."""
    cell = SimpleNamespace(params=SimpleNamespace(data="d"))
    profile = SimpleNamespace(cells=dict.fromkeys(("good", "requeued", "broken", "stale"), cell))
    monkeypatch.setattr(sweep, "load_profile", lambda path: profile)
    monkeypatch.chdir(tmp_path)
    commands, calls = [], []
    status = {f"{PIPELINE}:train@good": [], f"{PIPELINE}:evaluate@requeued": [], f"{PIPELINE}:report": [], "other:extractor": []}

    def train(argv):
        calls.append(argv[-1])
        if argv[-1] == "broken" or calls == ["requeued"]:
            raise RuntimeError("killed")

    def dvc(*words):
        if words[0] == "status":
            return json.dumps(status)
        if words == ("repro", "-q", *(f"{PIPELINE}:{stage}" for stage in sweep.LISTINGS)):
            return ""
        commands.append(words)
        return ""

    monkeypatch.setattr(jobs, "train", train)
    monkeypatch.setattr(jobs, "load_cell", lambda params, cell: cell)
    monkeypatch.setattr(jobs, "is_trained", lambda cell: False)
    monkeypatch.setattr(jobs, "evaluate", lambda argv: calls.append(f"score {argv[-1]}"))
    monkeypatch.setattr(sweep, "dvc", dvc)
    monkeypatch.setattr(sweep, "commit_stages", lambda pipeline, names: commands.append(("committed", *names)))
    monkeypatch.setattr(sweep, "ready_cells", lambda profile, cells, named: cells)
    monkeypatch.setattr(sweep, "make_executor", lambda args: Executor())
    monkeypatch.setattr(sweep, "check_device", lambda cell, device: None)
    monkeypatch.setattr(devices, "visible_gpus", list)
    monkeypatch.setattr(sweep.stages, "main", lambda names: None)
    monkeypatch.setattr(sweep, "scores", lambda params, cell: [f"scores of {cell}"])
    monkeypatch.setattr(sweep, "is_current", lambda params, cell: cell != "stale")
    return commands, calls, status


COMMON = ["--profile", "tiny", "--poll", "0"]


def handed_over(*cells):
    return ("committed", *(f"{stage}@{cell}" for cell in cells for stage in ("train", "evaluate")))


def test_sends_a_failed_cell_again_and_hands_what_finished_to_dvc(place, capsys):
    commands, calls, _status = place
    sweep.main([*COMMON, "--cells", "requeued,good"])
    assert calls == ["requeued", "good", "score good", "requeued", "score requeued"]
    assert commands == [handed_over("requeued", "good")]
    lines = capsys.readouterr().out.splitlines()
    assert "requeued: attempt 1 failed" in lines
    assert lines.count("requeued: done") == lines.count("good: done") == 1
    assert lines.index("good: done") + 1 == lines.index("scores of good")
    assert "2 of 2 cells done, about 0 minutes left" in lines
    assert lines[-1].startswith("2 cells trained and scored")


def test_a_cell_whose_scoring_failed_is_not_trained_again(place, monkeypatch):
    monkeypatch.setattr(jobs, "is_trained", lambda cell: True)
    sweep.main([*COMMON, "--cells", "good"])
    assert place[1] == ["score good"]


def test_names_the_cells_that_keep_failing_after_handing_over_the_others(place):
    with pytest.raises(HarnessError, match="broken: failed 2 times"):
        sweep.main([*COMMON, "--cells", "broken,good", "--attempts", "2"])
    assert place[0] == [handed_over("good")]


def test_results_of_other_parameters_are_not_handed_over(place):
    with pytest.raises(HarnessError, match=r"stale: .* or parameters, data or code changed meanwhile"):
        sweep.main([*COMMON, "--cells", "stale"])
    assert place[0] == []


def test_runs_what_dvc_finds_changed_and_refuses_unknown_cells(place):
    sweep.main(COMMON)
    assert place[0] == [handed_over("good", "requeued")]
    with pytest.raises(HarnessError, match=r"unknown cell 'goad'.*did you mean 'good'"):
        sweep.main([*COMMON, "--cells", "goad"])


def test_data_and_extractor_are_prepared_first(place, capsys):
    """One command does all that a user with one data set can do."""
    commands, _, status = place
    status |= {f"{PIPELINE}:{stage}": [] for stage in ("statistics@d", "prepare@d", "extractor", "prepare@another")}
    sweep.main(COMMON)
    stages = f"{PIPELINE}:extractor", f"{PIPELINE}:prepare@d", f"{PIPELINE}:statistics@d"
    assert commands == [("repro", "-q", *stages), handed_over("good", "requeued")]
    assert f"first: dvc repro {' '.join(stages)}" in capsys.readouterr().out


class Later(Job):
    """A job that is done at the third look."""

    looks = 0

    def done(self):
        self.looks += 1
        return self.looks == 3


def test_every_job_has_a_gpu_of_its_own(place, monkeypatch):
    executor, cells = Executor(), ["a", "b", "c", "d", "e"]
    executor.submit = lambda function, *words: Later(function)
    monkeypatch.setattr(sweep, "make_executor", lambda args: executor)
    monkeypatch.setattr(devices, "visible_gpus", lambda: [2, 5])
    args = sweep._parse(COMMON)
    own = devices.own_devices(args)
    assert (own, args.gpus, args.at_once) == ([2, 5], 1, 2)
    assert set(sweep.run_all(args, PARAMS, cells, own).values()) == {sweep.DONE}
    given = [parameters["local_visible_gpus"] for parameters in executor.parameters if "local_visible_gpus" in parameters]
    assert given == [[2], [5], [2], [5], [2]]


def test_images_of_the_newest_checkpoint_are_shown(place, tmp_path):
    assert sweep.describe(Job(), "tiny", "good") == "running, 0 images"
    scratch = tmp_path / ".ckpt" / "tiny" / "good-0123456789ab"
    scratch.mkdir(parents=True)
    (scratch / "ab-000000004.json").write_text(json.dumps({"state": {"rows": [{"nimg": 1280}]}}))
    (scratch / ".ab-000000008.json.7.tmp.json").write_text("{")
    assert sweep.describe(Job(), "tiny", "good") == "running, 1,280 images"
    other = tmp_path / ".ckpt" / "tiny" / "good-seed1-0123456789ab"
    other.mkdir()
    (other / "ab-000000004.json").write_text(json.dumps({"state": {"rows": [{"nimg": 64}]}}))
    assert sweep.describe(Job(), "tiny", "good") == "running, 1,280 images"


def test_a_checkpoint_that_goes_between_two_looks_does_not_end_the_sweep(place, tmp_path):
    scratch = tmp_path / ".ckpt" / "tiny" / "good-0123456789ab"
    scratch.mkdir(parents=True)
    (scratch / "ab-000000004.json").symlink_to("gone")  # glob finds it, and nothing else does
    assert sweep.describe(Job(), "tiny", "good") == "running, 0 images"


def test_cells_are_named_with_blanks_as_everywhere_or_commas():
    assert sweep._parse(["--cells", "a,b", "c"]).cells == ["a", "b", "c"]
    assert sweep._parse([]).cells is None
