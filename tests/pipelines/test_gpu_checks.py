"""The single checks of `make gpu`, on a processor: kernel, engines, replay, speed and curves."""

import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

from lada import fused
from pipelines.gpu import curves, exact, graphs, speed

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
DIGITS = str(ROOT / "pipelines/digits/params.yaml")


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
