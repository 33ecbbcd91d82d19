import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.data import open_split

ROOT = Path(__file__).parents[2]


def run(tmp_path, text, *options):
    params = tmp_path / "params.yaml"
    params.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pipelines.prepare", "--params", str(params), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


def test_the_command_writes_the_profiles_data(tmp_path):
    result = run(tmp_path, "profile: digits\ndata: {name: digits, resolution: 16}\n")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{Path('results/digits/data/digits')}: 1437 train images, 360 test images\n"
    assert len(open_split(tmp_path / "results/digits/data/digits", "test")) == 360


def test_one_of_several_entries_can_be_asked_for(tmp_path):
    text = "profile: p\ndata:\n  small: {name: digits, resolution: 8}\n  large: {name: digits, resolution: 32}\n"
    assert run(tmp_path, text, "--data", "small").returncode == 0
    assert [path.name for path in (tmp_path / "results/p/data").iterdir()] == ["small"]
    result = run(tmp_path, text, "--data", "smal")
    assert (result.returncode, "did you mean 'small'?" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profile: digits\ndata: {name: digit}\n", "unknown dataset (data.digit.name) 'digit'; expected one of"),
        ("profile: ../x\ndata: {name: digits}\n", "profile: given '../x'"),
        ("profile: ..\ndata: {name: digits}\n", "profile: given '..'"),
        ("profile: digits\ndata: digits\n", "data: given 'digits'"),
        ("profile: digits\ndata: {name: digits, resolution: '16'}\n", "data.resolution: given '16'"),
        ("profile: digits\ndata: {name: [1]}\n", "data: given"),
        ("profile: digits\ndata: {a: {name: [1]}}\n", "unknown dataset (data.a.name) [1]"),
        ("profile: digits\ndata: {../a: {name: digits}}\n", "data: given '../a'"),
    ],
)
def test_bad_parameters_are_one_line_and_nothing_is_written(tmp_path, text, message):
    result = run(tmp_path, text)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()
