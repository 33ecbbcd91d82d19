"""Energy and CO2 of a network's forward passes, from the machine's energy counters. Without counters there is no figure."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

POWERCAP = Path("/sys/class/powercap")  # where Linux shows the processor's energy counters
SECONDS = 3.0


def energy_per_image(run: Callable[[], None], images: int, device: torch.device, country: str | None) -> dict[str, float] | None:
    """Energy of `run`, which makes `images` images: "kwh_per_image" and, with a country, "kg_co2_per_image".

    Repeats `run` for some seconds and reads the energy of the processor and the GPU. This includes the machine's other work.
    country: ISO 3166-1 alpha-3. Returns None if the machine has no counters; codecarbon would guess from the processor's name.
    """
    sensors = _sensors(device)
    if not sensors:
        return None
    data, repeats = _track(run, country)
    measured = sum(getattr(data, sensor) for sensor in sensors) if data else 0.0
    if data is None or not measured:
        return None
    energy = {"kwh_per_image": measured / (repeats * images)}
    if country and data.energy_consumed:
        energy["kg_co2_per_image"] = energy["kwh_per_image"] * data.emissions / data.energy_consumed
    return energy


def _sensors(device: torch.device) -> list[str]:
    """Fields of codecarbon's result that this machine measures by counters."""
    if not (POWERCAP.exists() or sys.platform == "darwin" or device.type == "cuda"):
        return []
    from codecarbon.core import cpu, gpu, powermetrics  # seconds to import, and of use on few machines

    has_cpu = cpu.is_rapl_available() or (sys.platform == "darwin" and powermetrics.is_powermetrics_available())
    has_gpu = device.type == "cuda" and gpu.is_gpu_details_available()
    return ["cpu_energy"] * has_cpu + ["gpu_energy"] * has_gpu


def _track(run: Callable[[], None], country: str | None) -> tuple[Any, int]:
    """codecarbon's result (kWh, kg) and the number of runs. Works offline and writes no files."""
    from codecarbon import OfflineEmissionsTracker

    tracker = OfflineEmissionsTracker(
        country_iso_code=country or "USA",  # required; without a country its CO2 is not read
        output_methods=[],
        electricitymaps_api_token=None,
        measure_power_secs=1,
        log_level="error",
        allow_multiple_runs=True,
    )
    tracker.start()
    start, repeats = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        run()
        repeats += 1
    tracker.stop()
    return getattr(tracker, "final_emissions_data", None), repeats
