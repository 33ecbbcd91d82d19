"""Stage: measure the cost of every full-size network. `python -m pipelines.cost --params pipelines/digits/params.yaml`."""

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from baselines import generators
from baselines.generators.network import Network
from harness.closure import REGISTRIES, code_digest
from harness.cost.energy import energy_per_image
from harness.cost.macs import CONVENTIONS, count_macs
from harness.cost.memory import PeakMemory
from harness.cost.throughput import Limits, Timing, measure
from harness.device import default_device
from harness.errors import HarnessError, run_command, unknown_choice
from harness.locks import output_lock
from harness.records.environment import device_name, this_process, versions
from harness.records.measured import Throughput
from harness.records.models import CostRecord, Macs
from harness.records.parts import Rate
from harness.records.record import make, read_as, write_record
from pipelines.networks import closed_forms, networks
from pipelines.profile import load_profile, profile_argument

RIVALS = [module for module in vars(generators).values() if hasattr(module, "GENERATORS")]
LADA = (
    "lada.configs",
    "lada.discriminator",
    "lada.generator",
    "lada.names",
)  # imported for the paper's networks; rivals do not depend on them
# Imported once for the processes of all networks. Each would need two seconds to import dynamo and fvcore for counting.
PRELOADED = [
    "torch._dynamo",
    "fvcore.nn",
    "harness.cost.macs",
    "harness.records.record",
    "pipelines.networks",
    "pipelines.profile",
]


def main(argv: list[str] | None = None) -> None:
    """Writes one cost record per network. Skips networks whose code, settings and device have not changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    profile_argument(parser)
    parser.add_argument("--only", nargs="+", metavar="NETWORK", help="only these networks, added to the records there are")
    parser.add_argument("--again", action="store_true", help="measure also what has not changed")
    args = parser.parse_args(argv)
    profile, device = load_profile(args.params), default_device()
    names, limits = _chosen(args.only or profile.cost.networks), profile.cost.limits
    with output_lock(profile.results / "costs"):
        for name in tqdm(names, desc="costs", unit="network"):
            if args.again or not _is_measured(profile.results, name, limits, device):
                _in_fresh_process(name, limits, profile.name, device)
        if not args.only:
            _remove_others(profile.results, names)


def _is_measured(results: Path, name: str, limits: Limits, device: str) -> bool:
    """Whether the network's files were written by the current code, with these settings, on this device."""
    try:
        record = read_as(CostRecord, results / "costs" / f"{name}.json")
        if record.code != network_code(name) or record.profile != results.name:
            return False
        if networks()[name].build is None:
            return True
        throughput = read_as(Throughput, results / "throughput" / f"{name}.json")
    except HarnessError:  # missing or altered
        return False
    same = throughput.record_digest == record.digest and throughput.limits == asdict(limits)
    return same and throughput.process.device == device_name(device)


def network_code(name: str) -> str:
    """Digest of the source files that a network's costs depend on: its own, and those for counting and measuring."""
    own = networks()[name].code or [module.__name__ for module in RIVALS if name in module.GENERATORS]
    return code_digest("pipelines.cost", *own, stops=[*REGISTRIES, *LADA])


def _remove_others(results: Path, names: Sequence[str]) -> None:
    """Removes the files of networks that are no longer measured."""
    for part in ("costs", "throughput"):
        for path in (results / part).glob("[!.]*.json"):
            if path.stem not in names:
                path.unlink()
    (results / "throughput").mkdir(parents=True, exist_ok=True)  # an output of the stage, even if no network can be timed


def _chosen(only: Sequence[str] | None) -> Sequence[str]:
    """The networks named on the command line or as `cost.networks`. All of them if none is named."""
    known = networks()
    for name in only or []:
        if name not in known:
            raise unknown_choice("network", name, known)
    return only or list(known)


def _in_fresh_process(name: str, limits: Limits, profile: str, device: str) -> None:
    """Measures one network in a fresh process, so that the peak of memory is its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            pool.submit(measure_network, name, limits, profile, device).result()
        except BrokenProcessPool as error:
            raise HarnessError(
                f"the process that measured {name} was killed, most likely for want of memory; free some, then run again"
            ) from error


def measure_network(name: str, limits: Limits, profile: str, device: str) -> None:
    """Counts and times the network `name`. Writes its throughput and then its record."""
    started = time.time()
    entry = networks()[name]
    counted, measured = _measured(entry, limits, device)
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
        code=network_code(name),
        **counted,
    )
    if measured is not None:
        process = this_process("cost", started, time.time() - started, device)
        kept = {"network": name, "profile": profile, "record_digest": record.digest, "limits": asdict(limits), "process": process}
        write_record(Path("results") / profile / "throughput" / f"{name}.json", make(Throughput, **kept, **measured))
    write_record(Path("results") / profile / "costs" / f"{name}.json", record)


NOT_PUBLIC: dict[str, Any] = {"params": None, "macs": Macs()}


def _measured(entry: Network, limits: Limits, device: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The fields of a network's record, which are counted, and of its throughput, which are measured."""
    build, make_inputs = entry.build, entry.inputs
    if build is None or make_inputs is None:
        return NOT_PUBLIC, None
    network = build().eval().to(device)
    memory = PeakMemory(network, device)
    timings = measure(network, lambda batch: tuple(value.to(device) for value in make_inputs(batch)), memory, limits)
    largest = max(timings)
    energy = _energy(network, make_inputs(largest), largest, limits, memory.device, entry.steps_per_image)
    network, inputs = network.cpu(), make_inputs(1)
    count = count_macs(network, inputs, closed_forms(network, inputs))  # last, because it leaves freed memory behind
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


if __name__ == "__main__":
    run_command(main)
