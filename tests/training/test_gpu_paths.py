"""What only a GPU's runs take, as far as it can be seen without one: TF32, an engine's death, graphs, reading ahead."""

import os
import types
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.training import engines, loop
from harness.training.data import Ahead
from harness.training.engines import ENGINES, cuda_graph, verify
from harness.training.engines.trial import try_apart
from harness.training.engines.verify import BOUNDS, own_error, verify_engine
from harness.training.loop import fit
from tests.training.tf32 import Tf32

ON_GPU = types.SimpleNamespace(is_cuda=True, device=torch.device("cpu"))


def switches():
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(("precision", "allowed"), [("fp32", False), ("tf32", True), ("bf16", False)])
def test_tf32_is_used_where_it_was_asked_for_and_never_by_the_reference(make_config, monkeypatch, precision, allowed):
    seen, before, config = [], switches(), make_config(precision=precision)
    monkeypatch.setattr(engines, "reference_step", lambda *given: seen.append(switches()))
    ENGINES["reference"].step(None, ON_GPU, None, config, 1.0)
    with engines._precision(ON_GPU, config):
        seen.append(switches())
    assert seen == [(False, False), (allowed, allowed)]
    assert switches() == before


def rounding(engine):
    """`engine` as on a GPU that rounds to TF32."""

    def step(*given):
        with Tf32():
            return engine.step(*given)

    return replace(engine, step=step)


@pytest.mark.slow
def test_an_engine_in_tf32_is_held_to_the_bound_of_tf32(networks, make_config):
    config = make_config(precision="tf32")
    errors, _ = verify_engine(rounding(ENGINES["eager"]), networks(), config, 6, 8, engines.unchanged)
    assert set(errors) == {"fp64", "tf32"}
    assert BOUNDS["fp64"] < 1e-4 < errors["tf32"] < BOUNDS["tf32"]
    exact, _ = verify_engine(ENGINES["eager"], networks(), make_config(), 6, 8, engines.unchanged)
    assert 10 * exact["fp32"] < errors["tf32"]


@pytest.mark.slow
def test_a_bound_that_the_plain_step_misses_as_well_is_measured(networks, make_config, monkeypatch):
    setting, eager = (networks(), make_config(), 6, 8), ENGINES["eager"]
    assert 0 < own_error(*setting) < 1e-4
    monkeypatch.setattr(verify, "BOUNDS", {"fp64": 1e-8, "fp32": 0.0, "bf16": 0.5})
    for own, accepted in ((0.01, True), (1e-9, False)):
        monkeypatch.setattr(verify, "own_error", lambda *given, own=own: own)
        with nullcontext() if accepted else pytest.raises(HarnessError, match=r"eager differs .*fp32\); expected at most 1e-08"):
            verify_engine(eager, *setting, engines.unchanged)


class Deadly:
    """An acceleration that ends the process to which it is sent."""

    def __call__(self, network):
        """Nothing, here."""

    def __reduce__(self):
        return os._exit, (3,)


@pytest.mark.slow
def test_an_engine_that_kills_its_process_leaves_the_next_one_a_chance(networks, make_config, capsys):
    setting = networks(), make_config(), 6, 8
    try_apart(ENGINES["eager"], *setting, engines.unchanged)
    engine, worst, _ = loop._verified_engine([ENGINES["eager"], ENGINES["reference"]], True, *setting, Deadly())
    assert (engine.name, worst) == ("reference", {})
    assert "engine eager: the process that tried it died" in capsys.readouterr().err


class Stopped(BaseException):
    """Stands for SIGKILL."""


def test_a_run_goes_on_with_the_engine_that_wrote_its_checkpoint(networks, images, make_config, tmp_path, monkeypatch, capsys):
    """First the better engine fails and the other one writes; later it works, and the run stays with the other."""
    works, done = [False], []

    def step(*given):
        done.append(1)
        if len(done) == 7:
            raise Stopped
        return ENGINES["eager"].step(*given)

    better, other = replace(ENGINES["eager"], name="compiled"), replace(ENGINES["eager"], step=step)

    def check(engine, *given):
        if engine.name == "compiled" and not works[0]:
            raise HarnessError("no compiler")
        return {}, {}

    monkeypatch.setattr(loop, "verify_engine", check)
    monkeypatch.setattr(loop, "candidate_engines", lambda *given: [better, other])

    def run():
        return fit(*networks(), images, make_config(), tmp_path, "d", noise_dim=6, label="cell")

    with pytest.raises(Stopped):
        run()
    works[0] = True
    assert run().engine == "eager"
    assert len(done) == 7 + 6  # of 12 steps, saved after the 6th
    assert "begins anew" not in capsys.readouterr().err
    monkeypatch.setattr(loop, "candidate_engines", lambda *given: [better])
    assert run().engine == "compiled"
    assert "engine eager, which wrote " in capsys.readouterr().err


def test_a_second_capture_first_gives_back_the_memory_of_the_first(monkeypatch):
    alive = []

    class Graph:
        def __init__(self):
            alive.append(1)
            assert alive == [1]

        def __del__(self):
            alive.pop()

        def replay(self):
            """Nothing: the metrics are those of the capture."""

    class Nothing:
        def __init__(self, *given):
            """Whatever is given."""

        __enter__ = __exit__ = wait_stream = lambda self, *given: None

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph, raising=False)
    for name in ("Stream", "stream", "graph", "current_stream"):
        monkeypatch.setattr(torch.cuda, name, Nothing)
    program = cuda_graph.GraphedProgram(lambda tensors, real_img, draws: tensors["g"]["w"] + real_img)
    for start in (1.0, 2.0):
        tensors = {"g": {"w": torch.full((3,), start)}}
        for _ in range(2):
            assert program(tensors, torch.ones(3), {}).tolist() == [start + 1] * 3
    del program.captured
    assert alive == []


def test_the_next_batch_is_read_while_this_one_is_computed():
    asked = []

    def read(step):
        asked.append(step)
        if step == 4:
            raise OSError("a failing disk")
        return torch.tensor(step)

    ahead = Ahead(read)
    assert [int(ahead(step)) for step in (0, 1, 2)] == [0, 1, 2]
    assert int(ahead(9)) == 9  # as after a resume
    ahead.thread.shutdown()
    assert asked == [0, 1, 2, 3, 9, 10]
    again = Ahead(read)
    again(3)
    with pytest.raises(OSError, match="a failing disk"):
        again(4)
    assert np.all(np.diff(asked[:4]) == 1)
