"""One process per output."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.locks import cell_lock, output_lock
from pipelines import cost, extractor, prepare

HOLD = "import sys, time; from pathlib import Path; from harness.locks import cell_lock\nwith cell_lock(Path(sys.argv[1])): "


def test_a_second_trainer_is_told_the_pid_of_the_first(tmp_path):
    with (
        cell_lock(tmp_path / "cell"),
        pytest.raises(HarnessError, match=rf"another trainer \(pid {os.getpid()}\)"),
        cell_lock(tmp_path / "cell"),
    ):
        pass
    with cell_lock(tmp_path / "cell"):
        pass


def test_the_lock_goes_with_its_killed_holder(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD + "print('held', flush=True); time.sleep(60)", tmp_path], stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(HarnessError, match=str(holder.pid)), cell_lock(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with cell_lock(tmp_path):
        pass


def test_an_orphan_is_named_as_one(tmp_path):
    """A shell starts the holder in the background and ends, as a killed `dvc repro` would."""
    script = HOLD + "Path(sys.argv[1], 'held').touch(); time.sleep(60)"
    starter = subprocess.Popen(["sh", "-c", '"$0" -c "$1" "$2" >&2 & echo $!; read line', sys.executable, script, tmp_path],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    pid = int(starter.stdout.readline())
    try:
        while not (tmp_path / "held").exists():
            time.sleep(0.05)
        starter.communicate(b"\n", timeout=10)
        with pytest.raises(HarnessError, match=rf"orphan \(pid {pid}, .*run `kill {pid}`"), cell_lock(tmp_path):
            pass
    finally:
        os.kill(pid, 9)


@pytest.mark.parametrize(
    ("output", "stage", "words"),
    [
        ("data/digits", prepare.main, ["--data", "digits"]),
        ("extractor", extractor.main, []),
        ("costs", cost.main, ["--only", "strans-g"]),
    ],
)
def test_a_stage_that_writes_the_same_at_the_same_time_is_refused_before_it_begins(tmp_path, monkeypatch, output, stage, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cost, "_in_fresh_process", cost.measure_network)
    features = "features: {extractor: digits-cnn}\nevaluate: {digits: {protocols: [digits-train]}}\n"
    (tmp_path / "params.yaml").write_text("profile: tiny\ndata: {digits: {name: digits}}\n" + features)
    with (
        output_lock(Path("results/tiny") / output),
        pytest.raises(HarnessError, match=rf"results/tiny/{output} is in use by another process \(pid {os.getpid()}\)"),
    ):
        stage(["--params", "params.yaml", *words])
    assert not Path("results").exists()
    stage(["--params", "params.yaml", *words])
    assert (Path("results/tiny") / output).exists()
