"""Stage: measure the cost of every full-size network. `python -m pipelines.cost --params pipelines/digits/params.yaml`."""

import argparse
import multiprocessing
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from baselines.generators.network import Network
from harness.cost.energy import energy_per_image
from harness.cost.macs import CONVENTIONS, count_macs
from harness.cost.memory import PeakMemory
from harness.cost.throughput import Limits, Timing, measure
from harness.device import default_device
from harness.errors import HarnessError, run_command, unknown_choice
from harness.files import atomic_path, digest, sha256_file
from harness.records.environment import device_name, this_process, versions
from harness.records.models import CostRecord, Macs, Rate, Throughput
from harness.records.record import make, read_as, write_record
from pipelines.networks import closed_forms, networks
from pipelines.profile import load_profile, profile_argument

ROOT = Path(__file__).resolve().parent.parent
# Imported once for all networks' processes; dynamo and fvcore are what counting would import, two seconds each time.
PRELOADED = [
    "torch._dynamo",
    "fvcore.nn",
    "harness.cost.macs",
    "harness.records.record",
    "pipelines.networks",
    "pipelines.profile",
]
CODE = ("lada/*.py", "baselines/**/*.py", "harness/cost/*.py", "pipelines/networks.py", "pipelines/cost.py")


def main(argv: list[str] | None = None) -> None:
    """Writes one cost record per network; what a killed run of the same code had measured is not measured again."""
    parser = argparse.ArgumentParser(description=__doc__)
    profile_argument(parser)
    parser.add_argument("--only", nargs="+", metavar="NETWORK", help="only these networks, added to the records there are")
    args = parser.parse_args(argv)
    profile = load_profile(args.params)
    names, limits = _chosen(args.only or profile.cost.networks), profile.cost.limits
    device = default_device()
    scratch = _scratch(profile.name, limits, device)
    for name in tqdm(names, desc="costs", unit="network"):
        if not (scratch / "costs" / f"{name}.json").exists():  # written last
            _in_fresh_process(name, limits, profile.name, device, scratch)
    for part, kind in {"throughput": Throughput, "costs": CostRecord}.items():
        with _output_folder(profile.results / part, keep=bool(args.only)) as folder:
            for name in names:
                if (scratch / part / f"{name}.json").exists():
                    write_record(folder / f"{name}.json", read_as(kind, scratch / part / f"{name}.json"))
    shutil.rmtree(scratch)


@contextmanager
def _output_folder(costs: Path, keep: bool) -> Iterator[Path]:
    """The folder of the records itself, or a new one that replaces it, so that no network that has gone leaves a record."""
    if keep:
        yield costs
        return
    with atomic_path(costs) as fresh:
        fresh.mkdir()
        yield fresh


def _chosen(only: Sequence[str] | None) -> Sequence[str]:
    """The networks asked for, on the command line or as `cost.networks`; every one where none was named."""
    known = networks()
    for name in only or []:
        if name not in known:
            raise unknown_choice("network", name, known)
    return only or list(known)


def _scratch(profile: str, limits: Limits, device: str) -> Path:
    """Where records wait until all are there: a place of its own for every code, machine and setting."""
    code = {str(file): sha256_file(file) for pattern in CODE for file in sorted(ROOT.glob(pattern))}
    key = digest({"limits": asdict(limits), "device": device, "code": code, "machine": device_name()})
    return Path(".ckpt") / profile / f"cost-{key[:12]}"


def _in_fresh_process(name: str, limits: Limits, profile: str, device: str, scratch: Path) -> None:
    """Measures one network in a process of its own, where the peak of memory is its own too."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            pool.submit(measure_network, name, limits, profile, device, scratch).result()
        except BrokenProcessPool as error:
            raise HarnessError(
                f"the process that measured {name} was killed, most likely for want of memory; free some, then run again"
            ) from error


def measure_network(name: str, limits: Limits, profile: str, device: str, scratch: Path) -> None:
    """Counts and times the network `name`, and writes its record and its throughput into `scratch`."""
    started = time.time()
    entry = networks()[name]
    counted, measured = _measured(entry, limits, device) if entry.build else (NOT_PUBLIC, None)
    record = make(
        CostRecord,
        cell=name,
        profile=profile,
        config={"convention": entry.convention},
        command="python -m pipelines.cost",
        versions=versions(),
        arithmetic="counts",
        title=entry.title,
        resolution=entry.resolution,
        steps_per_image=entry.steps_per_image,
        source=entry.source,
        note=entry.note or None,
        **counted,
    )
    if measured is not None:
        process = this_process("cost", started, time.time() - started, device)
        kept = {"network": name, "profile": profile, "record_digest": record.digest, "limits": asdict(limits), "process": process}
        write_record(scratch / "throughput" / f"{name}.json", make(Throughput, **kept, **measured))
    write_record(scratch / "costs" / f"{name}.json", record)


NOT_PUBLIC: dict[str, Any] = {"params": None, "macs": Macs()}


def _measured(entry: Network, limits: Limits, device: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What can be counted of a network, and what can only be measured: fields of its record and of its throughput."""
    network = entry.build().eval().to(device)
    memory = PeakMemory(network, device)
    timings = measure(network, lambda batch: tuple(value.to(device) for value in entry.inputs(batch)), memory, limits)
    energy = _energy(network, entry, max(timings), limits, memory.device)
    network, inputs = network.cpu(), entry.inputs(1)
    count = count_macs(network, inputs, closed_forms(network, inputs))  # last: it leaves freed memory behind
    macs = Macs(
        true=count.true,
        fvcore=count.fvcore,
        torch_meta=count.torch_meta,
        closed_form=count.closed_form,
        printed_convention=CONVENTIONS[entry.convention](count),
    )
    counted = {"params": count.params, "macs": macs, "known_differences": count.differences}
    rates = {str(batch): _rate(timing) for batch, timing in timings.items()}
    measured = {"threads": torch.get_num_threads(), "rates": rates, "peak_bytes": timings[1].peak_bytes, "energy": energy}
    return counted, measured


def _rate(timing: Timing) -> Rate:
    return Rate(median=timing.median, low=timing.low, high=timing.high, repeats=timing.n, peak_bytes=timing.peak_bytes)


def _energy(network: nn.Module, entry: Network, batch: int, limits: Limits, device: torch.device) -> dict[str, float] | None:
    """Energy of one image at the largest batch, all evaluations of an iterative sampler included; None where not measured."""
    arguments = tuple(value.to(device) for value in entry.inputs(batch))

    def run() -> None:
        with torch.inference_mode():
            network(*arguments)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    energy = energy_per_image(run, batch, device, limits.country)
    return energy and {name: value * entry.steps_per_image for name, value in energy.items()}


if __name__ == "__main__":
    run_command(main)
