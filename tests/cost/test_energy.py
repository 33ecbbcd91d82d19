import socket
from types import SimpleNamespace

import pytest
import torch

from harness.cost import energy

CPU = torch.device("cpu")


def test_a_machine_without_counters_measures_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path / "none")
    monkeypatch.setattr(energy.sys, "platform", "linux")
    assert energy.energy_per_image(pytest.fail, 1, CPU, "MEX") is None


@pytest.fixture
def tracked(monkeypatch):
    """A result of 6 kWh by counters and 2 kWh by an estimate, over 3 runs."""
    data = SimpleNamespace(cpu_energy=4.0, gpu_energy=2.0, ram_energy=2.0, energy_consumed=8.0, emissions=0.8)
    monkeypatch.setattr(energy, "_track", lambda run, country: (data, 3))
    return data


def test_only_counters_are_summed_and_co2_takes_their_share(tracked, monkeypatch):
    monkeypatch.setattr(energy, "_sensors", lambda device: ["cpu_energy", "gpu_energy"])
    measured = energy.energy_per_image(lambda: None, 2, CPU, "MEX")
    assert measured == pytest.approx({"kwh_per_image": 1.0, "kg_co2_per_image": 0.1})
    monkeypatch.setattr(energy, "_sensors", lambda device: ["gpu_energy"])
    assert energy.energy_per_image(lambda: None, 2, CPU, None) == pytest.approx({"kwh_per_image": 1 / 3})


def test_counters_that_stand_still_measure_nothing(tracked, monkeypatch):
    monkeypatch.setattr(energy, "_sensors", lambda device: ["cpu_energy"])
    tracked.cpu_energy = 0.0
    assert energy.energy_per_image(lambda: None, 2, CPU, None) is None


def test_codecarbon_runs_offline_and_leaves_no_file(monkeypatch, tmp_path):
    def refuse(*_):
        raise AssertionError("codecarbon opened a connection")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(energy, "SECONDS", 0.01)
    data, repeats = energy._track(lambda: None, "MEX")
    assert repeats >= 1
    assert data.energy_consumed >= 0
    assert not list(tmp_path.iterdir())
