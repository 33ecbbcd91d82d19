"""Counts and times one full-size network, for the cost stage."""

from typing import Any

import torch
from torch import Tensor, nn

from baselines.generators.network import Network
from harness.cost.energy import energy_per_image
from harness.cost.macs import CONVENTIONS, count_macs
from harness.cost.memory import PeakMemory
from harness.cost.throughput import Limits, Timing, measure
from harness.records.models import Macs
from harness.records.parts import Rate
from pipelines.networks import closed_forms

NOT_PUBLIC: dict[str, Any] = {"params": None, "macs": Macs()}


def counted_fields(entry: Network) -> dict[str, Any]:
    """The fields of a network's record, which are counted and repeat."""
    if entry.build is None or entry.inputs is None:
        return NOT_PUBLIC
    network, inputs = entry.build().eval(), entry.inputs(1)
    count = count_macs(network, inputs, closed_forms(network, inputs))
    macs = Macs(
        true=count.true,
        fvcore=count.fvcore,
        torch_meta=count.torch_meta,
        closed_form=count.closed_form,
        printed_convention=CONVENTIONS[entry.convention](count),
    )
    return {"params": count.params, "macs": macs, "known_differences": count.differences}


def measured_fields(entry: Network, limits: Limits, device: str) -> dict[str, Any] | None:
    """The fields of a network's throughput. None if its code is not public.

    Measure before counting, which leaves freed memory.
    """
    build, make_inputs = entry.build, entry.inputs
    if build is None or make_inputs is None:
        return None
    network = build().eval().to(device)
    memory = PeakMemory(network, device)
    timings = measure(network, lambda batch: tuple(value.to(device) for value in make_inputs(batch)), memory, limits)
    largest = max(timings)
    energy = _energy(network, make_inputs(largest), largest, limits, memory.device, entry.steps_per_image)
    rates = {str(batch): _rate(timing) for batch, timing in timings.items()}
    return {"threads": torch.get_num_threads(), "rates": rates, "peak_bytes": timings[1].peak_bytes, "energy": energy}


def _rate(timing: Timing) -> Rate:
    return Rate(median=timing.median, low=timing.low, high=timing.high, repeats=timing.n, peak_bytes=timing.peak_bytes)


def _energy(
    network: nn.Module, inputs: tuple[Tensor, ...], batch: int, limits: Limits, device: torch.device, evaluations: int
) -> dict[str, float] | None:
    """Energy of one image in the batch `inputs`, over all `evaluations` of an iterative sampler. None if not measured."""
    arguments = tuple(value.to(device) for value in inputs)

    def run() -> None:
        with torch.inference_mode():
            network(*arguments)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    energy = energy_per_image(run, batch, device, limits.country)
    return energy and {name: value * evaluations for name, value in energy.items()}
