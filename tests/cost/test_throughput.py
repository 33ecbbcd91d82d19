import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.cost.memory import PeakMemory
from harness.cost.throughput import Limits, measure

ROOT = Path(__file__).resolve().parents[2]


class Sleeper(nn.Module):
    """Takes 2 ms an image and keeps the batch sizes that it saw."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def forward(self, x):
        self.batches.append(len(x))
        time.sleep(0.002 * len(x))
        return x


def inputs(batch):
    return (torch.zeros(batch, 3),)


def test_batch_doubles_up_to_the_time_limit_and_every_pass_counts():
    network = Sleeper()
    timings = measure(network, inputs, PeakMemory(network, "cpu"), Limits(pass_seconds=0.015, repeats=3))
    batch_one, largest = timings.values()
    assert list(timings) == [1, max(network.batches)]
    assert 2 <= max(network.batches) <= 4
    assert batch_one.n == largest.n == 3
    assert 0 < batch_one.low <= batch_one.median <= batch_one.high <= 500
    assert network.batches.count(1) == 1 + 3  # warm-up, timed


def test_repeats_stop_when_their_time_is_up_but_one_is_always_made():
    network = Sleeper()
    timings = measure(network, inputs, PeakMemory(network, "cpu"), Limits(pass_seconds=1e-6, repeats=50, seconds=1e-6))
    assert list(timings) == [1]
    assert timings[1].n == 1


def test_a_long_first_pass_counts_and_is_not_repeated(monkeypatch):
    monkeypatch.setattr("harness.cost.throughput.LONG_PASS", 0.001)
    network = Sleeper()
    timings = measure(network, inputs, PeakMemory(network, "cpu"), Limits(pass_seconds=1e-6, repeats=50, seconds=1e-6))
    assert network.batches == [1]
    assert timings[1].n == 1
    assert 0 < timings[1].median <= 500


class FakeMemory:
    """A network of 1 GiB that needs 1 GiB more for each image."""

    device = torch.device("cpu")

    def __init__(self, network):
        self.network = network

    def reset(self):
        self.network.batches.clear()

    def peak_bytes(self):
        return 2**30 * (1 + max(self.network.batches))


@pytest.mark.parametrize(("memory_gib", "largest"), [(3.9, 1), (4, 2), (9.9, 4), (10, 8)])
def test_memory_limit_bounds_the_batch(memory_gib, largest):
    network = Sleeper()
    timings = measure(network, inputs, FakeMemory(network), Limits(memory_gib=memory_gib, pass_seconds=60, repeats=1))
    assert list(timings) == sorted({1, largest})
    assert timings[largest].peak_bytes == 2**30 * (1 + largest) <= memory_gib * 2**30


MEASURE = """
import torch
from torch import nn
from harness.cost.memory import PeakMemory
network = nn.Linear(2**10, 2**12)
memory = PeakMemory(network, "cpu")
network(torch.zeros(2**12, 2**10))  # 64 MiB out
print(memory.network_bytes, memory.peak_bytes())
"""


@pytest.mark.slow
def test_peak_memory_contains_the_network_and_what_a_pass_allocates():
    # In a fresh process, as the cost stage measures: here, memory that earlier tests freed would be used again.
    done = subprocess.run([sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, check=True)
    network_bytes, peak_bytes = map(int, done.stdout.split())
    assert network_bytes == 4 * (2**22 + 2**12)
    assert peak_bytes > network_bytes + 0.9 * 2**26


@pytest.mark.parametrize("name", ["memory_gib", "pass_seconds", "repeats", "seconds"])
def test_limits_that_leave_nothing_to_measure_are_refused(name):
    with pytest.raises(ValueError, match=f"given {name} 0; expected more than 0"):
        Limits(**{name: 0})
