"""`make gpu` without a GPU: its frame as it is, its checks on a processor, Triton's compiler for real architectures."""

import json
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

from harness.errors import HarnessError
from lada import fused
from pipelines.gpu import __main__ as command
from pipelines.gpu import curves, exact, graphs, run, speed
from pipelines.gpu.checks import CHECKS

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
DIGITS = str(ROOT / "pipelines/digits/params.yaml")


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


@pytest.fixture
def kernel(monkeypatch):
    """Products in the kernel's place, off by `wrong[0]`."""
    wrong = [0.0]
    plain = types.SimpleNamespace(
        pool_tokens=lambda x, scores: (fused.additive_weights(x, scores, scores.new_zeros(len(scores))) @ x) * (1 + wrong[0])
    )
    monkeypatch.setitem(sys.modules, "lada.fused_kernel", plain)
    monkeypatch.setattr(fused, "_RUNS", {CPU: True})
    return wrong


def test_the_kernel_is_held_to_the_products_in_three_derivatives(kernel):
    found = exact.kernel(CPU, ((2, 16, 8, 4), (1, 40, 12, 2)))
    assert found["failures"] == []
    assert len(found["errors"]) == 4
    kernel[0] = 0.1
    assert len(exact.kernel(CPU, ((2, 16, 8, 4),))["failures"]) >= 2


def test_a_kernel_that_cannot_run_fails_its_check(monkeypatch):
    def launch(x, scores):
        raise RuntimeError("Failed to find C compiler")

    monkeypatch.setitem(sys.modules, "lada.fused_kernel", types.SimpleNamespace(pool_tokens=launch))
    monkeypatch.setattr(fused, "_RUNS", {})
    with pytest.raises(RuntimeError, match="Failed to find C compiler"):
        exact.kernel(CPU)


@pytest.mark.slow
def test_engines_are_held_to_the_reference_in_every_precision():
    found = exact.engines(CPU, ("table1-16",), DIGITS)
    assert found["failures"] == []
    assert set(found["errors"]) == {f"table1-16 {precision}" for precision in exact.PRECISIONS}


@pytest.mark.slow
def test_a_replay_is_compared_with_its_program_and_shows_nan(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(graphs, "GraphedProgram", lambda program: program)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2**20)
    assert graphs.graph(CPU)["failures"] == []
    monkeypatch.setattr(graphs, "GraphedProgram", lambda program: lambda *given: torch.zeros(8))
    assert len(graphs.graph(CPU)["failures"]) == 2


@pytest.mark.slow
def test_a_stopped_and_resumed_run_ends_with_the_same_bits(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(graphs, "SMALL", (graphs.SMALL[0], "table1-16"))
    monkeypatch.setattr(graphs, "STEPS_RESUMED", 6)
    assert graphs.resume(CPU)["failures"] == []
    assert not torch.are_deterministic_algorithms_enabled()


def test_cells_are_measured_once_for_all_that_are_alike(monkeypatch):
    measured = []

    def cell(cell, engine, device):
        measured.append(cell.name)
        return {"peak_gib": 4.0, "images_per_s": 1000.0} if cell.generator.resolution < 256 else {"reason": "too large"}

    monkeypatch.setattr(speed, "_cell", cell)
    found = speed.cells(CPU, str(ROOT / "pipelines/paper/params.yaml"))
    assert found["rows"]["table1-16"] == {"peak_gib": 4.0, "images_per_s": 1000.0, "hours": 18.9}
    assert found["rows"]["table1-16-seed1"] == found["rows"]["table1-16"]
    assert "table1-16-seed1" not in measured
    assert "too large" in found["summary"]


@pytest.mark.slow
def test_one_cell_is_timed_and_its_memory_read():
    from pipelines.profile import load_cell

    found = speed._cell(load_cell(DIGITS, "table1-16", ["train.batch=4"]), speed.ENGINES["eager"], CPU)
    assert found["images_per_s"] > 0


def test_scores_are_timed():
    assert curves.scoring(CPU, 40, 6)["precision_recall_s"] > 0


@pytest.mark.slow
def test_attention_curves_are_measured():
    found = curves.attention(CPU, 0.5)
    assert {row["mechanism"] for row in found["points"]} >= {"lada-fused", "lada"}


@pytest.mark.slow
def test_the_checks_need_neither_mlflow_nor_dvc():
    words = "import sys; sys.modules.update(mlflow=None, dvc=None, submitit=None)"
    words += "; import pipelines.gpu.__main__; from pipelines.gpu import curves, exact, graphs, speed, surroundings"
    done = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lada.fused_kernel import _pool_split
pointers = ["x_ptr", "scores_ptr", "largest_ptr", "total_ptr", "sum_ptr"]
for dtype, (tokens, width) in (("fp32", (8, 1024)), ("bf16", (128, 64))):
    kinds = [f"*{dtype}", f"*{dtype}", "*fp32", "*fp32", "*fp32"]
    signature = dict(zip(pointers, kinds)) | dict.fromkeys(["num_tokens", "split_tokens", "dim"], "i32")
    constants = {"BLOCK_N": tokens, "BLOCK_D": width}
    signature |= dict.fromkeys(constants, "constexpr")
    for capability in (80, 86, 90, 120):
        made = triton.compile(ASTSource(_pool_split, signature, constants), target=GPUTarget("cuda", capability, 32))
        assert f"sm_{capability}" in made.asm["ptx"], made.asm["ptx"][:200]
        print(capability, dtype, len(made.asm["cubin"]))
"""


@pytest.mark.slow
def test_the_kernel_compiles_for_real_architectures_without_a_device(tmp_path):
    pytest.importorskip("triton")
    import os

    variables = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    script = tmp_path / "compile_kernel.py"
    script.write_text(COMPILE)
    done = subprocess.run([sys.executable, script], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) == 8
