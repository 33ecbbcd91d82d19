import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.config import load_params
from harness.data import DATASETS, open_split
from harness.errors import HarnessError
from pipelines.prepare import main

ROOT = Path(__file__).parents[2]


def write(tmp_path, text):
    params = tmp_path / "params.yaml"
    params.write_text(text, encoding="utf-8")
    return str(params)


def run(tmp_path, text):
    command = [sys.executable, "-m", "pipelines.prepare", "--params", write(tmp_path, text)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_command_writes_the_profiles_data(tmp_path):
    result = run(tmp_path, "profile: digits\ndata: {name: digits, resolution: 16}\n")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{Path('results/digits/data/digits')}: 1437 train images, 360 test images\n"
    assert len(open_split(tmp_path / "results/digits/data/digits", "test")) == 360


def test_an_error_is_one_line(tmp_path):
    result = run(tmp_path, "profile: digits\ndata: {name: digit}\n")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: unknown dataset (data.digit.name) 'digit'; expected one of")
    assert result.stderr.count("\n") == 1


def test_one_of_several_entries_can_be_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = write(
        tmp_path, "profile: p\ndata:\n  small: {name: digits, resolution: 8}\n  large: {name: digits, resolution: 32}\n"
    )
    main(["--params", params, "--data", "small"])
    assert [path.name for path in (tmp_path / "results/p/data").iterdir()] == ["small"]
    with pytest.raises(HarnessError, match=r"unknown dataset in .* 'smal'.*did you mean 'small'\?"):
        main(["--params", params, "--data", "smal"])
    main(["--params", params])
    assert open_split(tmp_path / "results/p/data/large", "train").shape[2:] == (32, 32)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profile: ../x\ndata: {name: digits}\n", r"profile name: given '\.\./x'"),
        ("profile: ..\ndata: {name: digits}\n", r"profile name: given '\.\.'"),
        ("profile: digits\ndata: digits\n", "data: given 'digits'"),
        ("profile: digits\ndata: {name: digits, resolution: '16'}\n", r"data\.resolution: given '16'"),
        ("profile: digits\ndata: {name: [1]}\n", "data: given"),
        ("profile: digits\ndata: {a: {name: [1]}}\n", r"unknown dataset \(data\.a\.name\) \[1\]"),
        ("profile: digits\ndata: {../a: {name: digits}}\n", r"data name: given '\.\./a'"),
    ],
)
def test_bad_parameters_are_named_and_nothing_is_written(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarnessError, match=message):
        main(["--params", write(tmp_path, text)])
    assert not (tmp_path / "results").exists()


def test_the_paper_profile_stops_where_its_files_are_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entries = load_params(ROOT / "pipelines/paper/params.yaml")["data"]
    assert len(entries) >= 5
    for key, entry in entries.items():
        offline = {"download": False} if entry["name"] == "cifar10" else {}
        with pytest.raises(HarnessError, match=r"no \S+ at data/.*; it is published at https://.*; download it and put it there"):
            DATASETS[entry["name"]]({**entry, **offline}, tmp_path / key)
    assert list(tmp_path.iterdir()) == []
