"""Stages that score always run in pinned arithmetic. Code that measures speed never does."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from harness.pinned import PINS

ROOT = Path(__file__).resolve().parents[2]
SCORING = [
    "pipelines.prepare",
    "pipelines.extractor",
    "pipelines.train",
    "pipelines.evaluate",
    "pipelines.anchors",
    "pipelines.commands.jobs",
    "pipelines.commands.sweep",
    "pipelines.commands.sample",
    "pipelines.commands.publish",
    "harness.report.__main__",
    "harness.metrics.__main__",
    "harness.verify.__main__",
]
TIMING = ["pipelines.cost", "pipelines.benches.attention", "pipelines.benches.train", "pipelines.benches.data"]
FAST = ("pipelines.train", "pipelines.cost")  # each module takes an interpreter; the fast suite asks one of either kind
x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 kernels are pinned")


def marked(modules: list[str]) -> list:
    return [pytest.param(module, marks=() if module in FAST else pytest.mark.slow) for module in modules]


def ask(code: str, **variables: str) -> str:
    """What a fresh interpreter without any pin prints."""
    env = {name: value for name, value in os.environ.items() if name not in PINS} | variables
    return subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


@x86
@pytest.mark.parametrize("module", marked(SCORING))
def test_a_scoring_stage_pins_before_torch_is_loaded(module):
    """On a machine without AVX2 the pin cannot name its arithmetic, but it is still set in time."""
    assert ask(f"import {module}, harness.pinned; print(harness.pinned.IN_TIME)") == "True"


@x86
@pytest.mark.parametrize("module", marked(TIMING))
def test_a_timing_module_runs_unpinned(module):
    assert ask(f"import {module}, os; print(os.environ.get('ATEN_CPU_CAPABILITY'))") == "None"


@pytest.mark.slow
@x86
def test_a_pin_that_comes_too_late_is_not_claimed():
    code = "import torch, harness.pinned; from harness.arithmetic import arithmetic; print(harness.pinned.IN_TIME, arithmetic())"
    in_time, name = ask(code).split(maxsplit=1)
    assert in_time == "False"
    assert name.startswith("x86-64 unpinned, ")


@pytest.mark.slow
@x86
def test_children_of_a_pinned_process_are_pinned():
    code = "import torch, harness.pinned; print(harness.pinned.IN_TIME)"
    assert ask(code, **PINS) == "True"


@x86
def test_a_pin_changed_by_the_user_is_overruled():
    assert ask("import harness.pinned, os; print(os.environ['MKL_CBWR'])", MKL_CBWR="AUTO") == "COMPATIBLE"
