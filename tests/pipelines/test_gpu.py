"""`make gpu` without a GPU: which checks run, how each is reported, and what it needs."""

import json
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

from harness.errors import HarnessError
from pipelines.gpu import __main__ as command
from pipelines.gpu import run
from pipelines.gpu.checks import CHECKS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(command, "why_no_gpu", lambda: "no NVIDIA driver is loaded")


def test_without_a_gpu_every_check_says_so(no_gpu, capsys, tmp_path):
    command.main(["--out", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(CHECKS)
    assert all("no GPU" in line and line.endswith("no NVIDIA driver is loaded") for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_asked_for_is_refused(no_gpu):
    with pytest.raises(HarnessError, match=r"unknown check 'kernels'.*did you mean 'kernel'"):
        command.main(["--checks", "kernels"])
    with pytest.raises(HarnessError, match="--minutes: given 0; expected more than 0"):
        command.main(["--minutes", "0"])


def test_every_check_can_be_found():
    for entry in CHECKS.values():
        assert callable(entry.load())


ENDINGS = {
    "good": "open(sys.argv[4], 'w').write('{\"summary\": \"all well\"}')",
    "wrong": "open(sys.argv[4], 'w').write('{\"failures\": [\"3 is not 4\"]}')",
    "broken": "print('working'); sys.exit('error: an illegal memory access')",
    "killed": "os.abort()",
    "silent": "sys.exit(3)",
    "endless": "time.sleep(60)",
}


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("good", "ok", ""),
        ("wrong", "failed", "3 is not 4"),
        ("broken", "failed", "error: an illegal memory access (exit status 1)"),
        ("killed", "failed", "it said nothing (killed by signal 6)"),
        ("silent", "failed", "it said nothing (exit status 3)"),
        ("endless", "failed", "took more than 1 s"),
    ],
)
def test_a_check_that_ends_badly_is_a_line_with_its_reason(monkeypatch, name, status, reason):
    monkeypatch.setattr(run, "COMMAND", [sys.executable, "-S", "-c", f"import os, sys, time; {ENDINGS[name]}"])
    outcome = run.run_apart(name, 1.0 if name == "endless" else 60.0)
    assert (outcome.status, outcome.reason) == (status, reason)
    assert outcome.line().startswith(name)
    assert "\n" not in outcome.line()


def test_the_next_check_runs_after_a_failure_and_the_time_is_kept(monkeypatch, capsys, tmp_path):
    given = []

    def run_apart(name, seconds):
        given.append((name, seconds))
        clock[0] += 100
        return run.Outcome(name, "failed" if name == "kernel" else "ok", 100.0, "wrong" if name == "kernel" else "", {"x": 1})

    clock = [0.0]
    monkeypatch.setattr(command, "run_apart", run_apart)
    monkeypatch.setattr(command, "time", types.SimpleNamespace(monotonic=lambda: clock[0]))
    args = command._parse(["--out", str(tmp_path), "--checks", "machine,kernel,engines,graph", "--minutes", "4"])
    outcomes = command.run_all(args, "NVIDIA H100 80GB HBM3")
    assert [outcome.status for outcome in outcomes] == ["ok", "failed", "ok", "no time left"]
    assert given == [("machine", 40), ("kernel", 90), ("engines", 40)]  # the last one gets what is left
    written = json.loads((tmp_path / "nvidia-h100-80gb-hbm3" / "gpu.json").read_text())
    assert written["checks"]["kernel"] == {"status": "failed", "seconds": 100.0, "reason": "wrong", "found": {"x": 1}}
    assert list(written["checks"]) == ["machine", "kernel", "engines", "graph"]
    assert "no time left" in capsys.readouterr().out


@pytest.mark.slow
def test_the_checks_need_neither_mlflow_nor_dvc():
    words = "import sys; sys.modules.update(mlflow=None, dvc=None, submitit=None)"
    words += "; import pipelines.gpu.__main__; from pipelines.gpu import curves, exact, graphs, speed, surroundings"
    done = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
