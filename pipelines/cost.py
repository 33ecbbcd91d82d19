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

import torch
from torch import nn
from tqdm import tqdm

from baselines.generators.network import Network
from harness.cost.energy import energy_per_image
from harness.cost.macs import CONVENTIONS, count_macs
from harness.cost.memory import PeakMemory
from harness.cost.throughput import Limits, measure
from harness.device import default_device
from harness.errors import HarnessError, run_command, unknown_choice
from harness.files import atomic_path, digest, sha256_file
from harness.records.environment import environment
from harness.records.record import new_record, read_record, write_record
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
        if not (scratch / f"{name}.json").exists():
            _in_fresh_process(name, limits, profile.name, device, scratch)
    with _output_folder(profile.results / "costs", keep=bool(args.only)) as costs:
        for name in names:
            write_record(costs / f"{name}.json", read_record(scratch / f"{name}.json"))
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
    key = digest({"limits": asdict(limits), "device": device, "code": code, "machine": environment()["device"]})
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
    """Counts and times the network `name`, and writes its record into `scratch`."""
    start = time.perf_counter()
    entry = networks()[name]
    measured = _measured(entry, limits, device) if entry.build else NOT_PUBLIC
    record = new_record(
        "cost",
        cell=name,
        profile=profile,
        config={"limits": asdict(limits), "device": device, "threads": torch.get_num_threads(), "convention": entry.convention},
        command="python -m pipelines.cost",
        wall_seconds=round(time.perf_counter() - start, 3),
        network=name,
        title=entry.title,
        resolution=entry.resolution,
        steps_per_image=entry.steps_per_image,
        source=entry.source,
        **measured,
        **({"note": entry.note} if entry.note else {}),
    )
    write_record(scratch / f"{name}.json", record)


NOT_PUBLIC = {
    "params": None,
    "macs": dict.fromkeys(("true", "fvcore", "torch_meta", "closed_form", "printed_convention")),
}


def _measured(entry: Network, limits: Limits, device: str) -> dict:
    """The measured fields of a network's record."""
    network = entry.build().eval().to(device)
    memory = PeakMemory(network, device)
    timings = measure(network, lambda batch: tuple(value.to(device) for value in entry.inputs(batch)), memory, limits)
    energy = _energy(network, entry, max(timings), limits, memory.device)
    network, inputs = network.cpu(), entry.inputs(1)
    count = count_macs(network, inputs, closed_forms(network, inputs))  # last: it leaves freed memory behind
    return {
        "params": count.params,
        "macs": {
            "true": count.true,
            "fvcore": count.fvcore,
            "torch_meta": count.torch_meta,
            "closed_form": count.closed_form,
            "printed_convention": CONVENTIONS[entry.convention](count),
        },
        "throughput": {batch: asdict(timing) for batch, timing in timings.items()},
        "peak_bytes": timings[1].peak_bytes,
        "known_differences": count.differences,
        "energy": energy,
    }


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
