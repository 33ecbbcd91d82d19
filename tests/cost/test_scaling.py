"""The attention laboratory: statistics, bounds, the gate before timing, and the command's files."""

import csv
import json
import os
import re
import signal

import pytest
import torch
from torch import nn

from baselines.attention import ATTENTIONS
from baselines.attention.dot_product_fused import FusedDotProductAttention
from harness.cost.mechanism_check import check_mechanism
from harness.cost.probe import FORWARD, MODES, R1, Probe, Worker
from harness.cost.scaling import Bounds, Point, crossover, fit_exponent, measure_grid, median_interval, over_bounds, rounds
from harness.errors import HarnessError
from lada.attention import AdditiveAttention
from pipelines.benches import attention as bench

CPU = torch.device("cpu")


def test_the_median_s_interval_is_the_narrowest_pair_with_its_coverage():
    assert median_interval([9.0, 1, 2, 3, 4, 5, 6, 7, 8]) == (2, 8, pytest.approx(1 - 2 * (1 + 9) / 2**9))
    assert median_interval([3.0, 1, 2]) == (1, 3, 0.75)
    assert median_interval([4.0]) == (4, 4, 0)
    low, high, coverage = median_interval([float(n) for n in range(100)])
    assert (low, high, coverage) == (39, 60, pytest.approx(0.9648, abs=1e-4))  # the textbook ranks 40 and 61


def test_exponents_and_crossovers_of_exact_power_laws():
    n = [64, 256, 1024, 4096, 16384]
    assert fit_exponent(n, [3e-9 * k**1.5 for k in n]) == pytest.approx(1.5)
    assert fit_exponent(n, [1.0, 1.0, *(k**2.0 for k in n[2:])]) == pytest.approx(2)  # overheads below 1,024 do not count
    assert fit_exponent(n[:3], [1.0, 2.0, 3.0]) is None
    linear, quadratic = {k: 1e-6 * k for k in n}, {k: 1e-9 * k**2 for k in n}
    assert crossover(linear, quadratic) == pytest.approx(1000)
    assert crossover(linear, {k: 2e-6 * k for k in n}) is None


def point(num_tokens, seconds=None, peak=None, mechanism="a", skipped=None):
    return Point(mechanism, FORWARD, 64, 4, num_tokens, 1, seconds=seconds, peak_bytes=peak, skipped=skipped)


def test_a_point_is_skipped_when_the_growth_so_far_leads_over_a_bound():
    quadratic = [point(64, 1.0, 2**20), point(256, 16.0, 2**24)]
    assert over_bounds(point(1024), quadratic, Bounds(300, 1)) is None
    assert "time bound: about 2.6e+02 s" in over_bounds(point(1024), quadratic, Bounds(250, 1))
    assert "memory bound: about 0.2 GiB" in over_bounds(point(1024), quadratic, Bounds(300, 0.1))
    assert over_bounds(point(1024), quadratic, Bounds(250, 1, exempt=frozenset({("a", FORWARD, 1024, 64)}))) is None
    assert over_bounds(point(1024), [point(64, 1.0, 1), point(256, 1.0, 1)], Bounds(3.9, 1)) is not None  # never below linear
    assert over_bounds(point(64), [], Bounds(1, 1, deadline=0)) == "over the time of the whole run"
    assert over_bounds(point(256), [point(64, skipped="its process died")], Bounds(1, 1)) == "its process died"


def test_slow_passes_are_sampled_less():
    assert [rounds(seconds) for seconds in (0.001, 0.04, 2.0)] == [9, 7, 3]


@pytest.mark.slow
def test_a_grid_of_real_mechanisms_fills_every_point_or_says_why_not():
    mechanisms = {"lada": AdditiveAttention, "fused": FusedDotProductAttention}
    probes = {name: Probe(mechanism) for name, mechanism in mechanisms.items()}
    points = measure_grid(probes, mechanisms, [(8, 2)], [2, 4], Bounds(60, 4))
    assert len(points) == 2 * 2 * len(MODES)
    for p in points:
        if (p.mechanism, p.mode) == ("fused", R1):
            assert (p.skipped, p.seconds) == ("not twice differentiable", None)
        else:
            assert p.skipped is None
            assert 0 < p.low <= p.seconds <= p.high
            assert p.n == 9
            assert p.peak_bytes > 0
            assert p.macs == mechanisms[p.mechanism].macs(p.num_tokens, 8, 2)


class Shifted(AdditiveAttention):
    """A mechanism that is slightly wrong."""

    def forward(self, x, return_maps=False):
        return super().forward(x) + 1e-6


class Detached(AdditiveAttention):
    """A mechanism whose output is right and whose gradient is wrong."""

    def forward(self, x, return_maps=False):
        return super().forward(x.detach()) + 0 * x


class Doubled(AdditiveAttention):
    """A mechanism whose output is right, with twice the gradient of one bias."""

    def forward(self, x, return_maps=False):
        return super().forward(x) + (self.output.bias - self.output.bias.detach())


class Imprecise(AdditiveAttention):
    """A mechanism that is right only in float64."""

    def forward(self, x, return_maps=False):
        return super().forward(x) if x.dtype == torch.float64 else super().forward(x.bfloat16().float())


@pytest.mark.parametrize(
    ("mechanism", "message"),
    [
        (Shifted, "output differ from reference.* at 4x4"),
        (Detached, "gradients differ"),
        (Doubled, "gradients differ"),
        (Imprecise, "output differs from reference.* at 16x16 tokens in float32"),
        (nn.Identity, "AttributeError: 'Identity' object has no attribute"),
    ],
)
def test_the_gate_names_what_differs(mechanism, message):
    assert re.search(message, Probe(mechanism).check())


def test_the_gate_passes_what_is_right():
    assert check_mechanism(AdditiveAttention, CPU) is None


def arguments(folder, *options):
    return bench._parse(["--max-tokens", "64", "--seconds", "600", "--device", "cpu", "--out", str(folder), *options])


def in_process(mechanism, device, threads, clock):
    return Probe(mechanism, device, clock)


@pytest.mark.slow
def test_a_new_mechanism_gets_its_curve_and_a_wrong_one_no_timing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "Worker", in_process)
    monkeypatch.setattr(bench, "STAGES", ((16, 4), (8, 2)))
    monkeypatch.setitem(ATTENTIONS, "new", type("New", (AdditiveAttention,), {"title": "new"}))
    monkeypatch.setitem(ATTENTIONS, "wrong", Shifted)
    with pytest.raises(HarnessError, match="no timing for wrong: output differ"):
        bench.bench(arguments(tmp_path, "--mechanisms", "lada,new,wrong"))
    (folder,) = tmp_path.iterdir()
    rows = list(csv.DictReader((folder / "attention.csv").read_text().splitlines()))
    assert {row["mechanism"] for row in rows} == {"lada", "new"}
    assert len(rows) == 2 * 2 * len(MODES)
    assert all(float(row["seconds"]) > 0 for row in rows)
    result = json.loads((folder / "attention.json").read_text())
    assert list(result["failed_checks"]) == ["wrong"]
    assert (folder / "attention.png").stat().st_size > 10_000
    assert "new</text>" in (folder / "attention.svg").read_text()
    assert "wrong" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mechanisms", "ladda"], "unknown mechanism 'ladda'.*did you mean 'lada'"),
        (["--max-tokens", "10"], "expected N >= 64"),
        (["--seconds", "0"], "a limit of 0 or less"),
        (["--device", "tpu"], "--device: given 'tpu'; expected cpu"),
    ],
)
def test_bad_options_get_one_line(tmp_path, monkeypatch, options, message):
    monkeypatch.setattr(bench, "measure", None)  # nothing is measured before the options are read
    with pytest.raises(HarnessError, match=message):
        bench.bench(arguments(tmp_path, *options))
    assert not list(tmp_path.iterdir())


def test_a_worker_measures_in_a_process_of_its_own_and_its_death_is_a_reason():
    worker = Worker(AdditiveAttention, "cpu", 1)
    try:
        assert worker.check() is None
        assert worker.process.pid != os.getpid()
        seconds, peak = worker.prepare(16, 2, 8, FORWARD)
        assert seconds > 0
        assert peak > 0
        assert worker.sample() > 0
        os.kill(worker.process.pid, signal.SIGKILL)
        (p,) = [q for q in measure_grid({"a": worker}, {"a": AdditiveAttention}, [(8, 2)], [2], Bounds(9, 9)) if q.mode == R1]
        assert p.skipped == "its process died"
    finally:
        worker.close()
