"""`torchrun ... -m pipelines.evaluate` on two gloo ranks against one process, on a tiny cell with untrained weights."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scored_project import COUNTS, make_scored_project

from harness.errors import HarnessError
from harness.metrics.__main__ import main as score_pictures
from harness.metrics.adm import write_samples
from harness.metrics.metric import METRICS
from harness.metrics.sampling import generate
from pipelines import evaluate
from pipelines.profile import load_cell
from pipelines.sampler import Sampler

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = ["--params", "params.yaml", "--cell", "tiny"]
SCORES = {metric.proxy for metric in METRICS.values()}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return make_scored_project(tmp_path_factory.mktemp("made"))


@pytest.fixture
def project(made, tmp_path) -> Path:
    """A copy without a cache of features."""
    return shutil.copytree(made, tmp_path / "project")


def torchrun(project: Path, *program: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *program]
    variables = {"PYTHONPATH": str(ROOT), "HARNESS_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=project, env=os.environ | variables, capture_output=True, text=True, timeout=240)


def read(project: Path) -> dict:
    return json.loads((project / "results/digits/records/tiny.json").read_text())


def flat(value: object, path: str = "") -> dict[str, float]:
    """{path: number} of nested scores."""
    if isinstance(value, dict):
        value = value.items()
    elif isinstance(value, list):
        value = enumerate(value)
    else:
        return {path: value}
    return {name: number for key, inner in value for name, number in flat(inner, f"{path}/{key}").items()}


def test_an_image_follows_from_its_number_whichever_slice_it_is_made_in(made):
    sampler = Sampler(load_cell(made / "params.yaml", "tiny"), 8, "cpu")
    images, dim = sampler(21, seed=3), sampler.cell.generator.noise_dim
    expected = generate(sampler.generator, dim, 21, seed=3, batch=8)
    assert images.shape == (21, 3, 16, 16) == expected.shape
    np.testing.assert_array_equal(np.concatenate([images[16:21], images[8:16]]), expected[[*range(16, 21), *range(8, 16)]])


def test_two_ranks_score_as_one_process(project, made, tmp_path, monkeypatch):
    done = torchrun(project, "-m", "pipelines.evaluate", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    alone = shutil.copytree(made, tmp_path / "alone")
    monkeypatch.chdir(alone)
    monkeypatch.setattr(evaluate, "default_device", lambda: "cpu")
    evaluate.main(ARGUMENTS)

    one, two = read(alone), read(project)
    assert {label.split("/")[0] for label in one["metrics"]["images-test"]} == SCORES
    assert len(one["history"]) == 2
    for part in ("metrics", "untrained", "history", "best", "generation_sd"):
        assert flat(two[part]) == pytest.approx(flat(one[part]), rel=1e-9, abs=0), part
    assert len(set(flat(one["metrics"]).values())) > len(SCORES)
    assert two["artefacts"] == one["artefacts"]  # the pictures, byte by byte
    for field in ("counts", "extractor", "comparability", "weights_sha256"):
        assert two[field] == one[field], field
    assert two["counts"]["images-test"] == {"generated": 21, "reference": 21}
    assert files(project) == files(alone)


def files(project: Path) -> set[Path]:
    return {path.relative_to(project) for path in project.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "call", [1, 4]
)  # the reference; the first snapshot's images, after two references and two untrained seeds
def test_a_dead_rank_fails_the_command_and_leaves_nothing_half_written(project, call):
    before = files(project)
    done = torchrun(project, str(Path(__file__).with_name("failing_rank.py")), str(call), *ARGUMENTS)
    assert done.returncode != 0
    assert "SIGKILL" in done.stderr
    left = {path for path in files(project) - before if path.parts[0] != ".ckpt"}
    assert not left
    entries = list((project / ".ckpt/features").iterdir()) if call > 1 else []
    assert len(entries) == 2 * (call > 1)
    assert all((entry / "made_from.json").is_file() for entry in entries)


def test_two_ranks_score_pictures_as_one_process_and_print_once(project, capsys, monkeypatch):
    write_samples(project / "g.npz", np.random.default_rng(1).integers(0, 256, (COUNTS["train"], 3, 16, 16), dtype=np.uint8))
    arguments = ["--generated", "g.npz", "--reference", "results/digits/data/toy", "--protocol", "images-train", "--batch", "8"]
    arguments += ["--extractor", "digits-cnn", "--weights", "results/digits/extractor/digits-cnn.safetensors"]
    done = torchrun(project, "-m", "harness.metrics", *arguments)
    assert done.returncode == 0, done.stderr
    monkeypatch.chdir(project)
    score_pictures([*arguments, "--cache", "another"])
    one, two = json.loads(capsys.readouterr().out), json.loads(done.stdout)
    assert two.pop("scores") == pytest.approx(one.pop("scores"), rel=1e-9, abs=0)
    assert two == one


@pytest.mark.parametrize("change", ["flip", "remove", "add", "run.json"])
def test_weights_that_training_did_not_write_are_not_scored(project, monkeypatch, change):
    run = project / "results/digits/runs/tiny"
    file = run / ("run.json" if change == "run.json" else "g_ema-000000008.safetensors")
    content = bytearray(file.read_bytes())
    if change == "remove":
        file.unlink()
    elif change == "add":
        (run / "g_ema-000000009.safetensors").write_bytes(content)
    else:
        content[-20] ^= 1
        file.write_bytes(content)
    monkeypatch.chdir(project)
    with pytest.raises(HarnessError, match=r"g_ema-00000000[89]\.safetensors is .*run the train stage|run\.json"):
        evaluate.main(ARGUMENTS)


def test_a_damaged_extractor_scores_nothing(project, monkeypatch):
    weights = project / "results/digits/extractor/digits-cnn.safetensors"
    content = bytearray(weights.read_bytes())
    content[-20] ^= 1
    weights.write_bytes(content)
    monkeypatch.chdir(project)
    with pytest.raises(HarnessError, match=r"digits-cnn\.safetensors is damaged: .*run `python -m pipelines.extractor` again"):
        evaluate.main(ARGUMENTS)
