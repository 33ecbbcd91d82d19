"""Stage: measure the cost of every full-size network. `python -m pipelines.cost --params pipelines/digits/params.yaml`."""

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from baselines import generators
from harness.closure import REGISTRIES, code_digest
from harness.cost.throughput import Limits
from harness.device import default_device
from harness.errors import HarnessError, run_command, unknown_choice
from harness.locks import output_lock
from harness.processes import end_children, serve_parent
from harness.records.environment import device_name, this_process, versions
from harness.records.measured import Throughput
from harness.records.models import CostRecord
from harness.records.record import make, read_as, write_record
from pipelines.measurement import counted_fields, measured_fields
from pipelines.networks import networks
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
    """Writes one cost record per network, and its throughput.

    Counts depend on nothing but the code, so a record of the same code is kept; only its speed is measured on another device.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    profile_argument(parser)
    parser.add_argument("--only", nargs="+", metavar="NETWORK", help="only these networks, added to the records there are")
    parser.add_argument("--again", action="store_true", help="measure also what has not changed")
    args = parser.parse_args(argv)
    profile, device = load_profile(args.params), default_device()
    names, limits = _chosen(args.only or profile.cost.networks), profile.cost.limits
    with output_lock(profile.results / "costs"):
        for name in tqdm(names, desc="costs", unit="network"):
            record = None if args.again else counted_record(profile.results, name)
            if record is None or not _is_measured(record, profile.results, limits, device):
                _in_fresh_process(name, limits, profile.name, device, record)
        if not args.only:
            _remove_others(profile.results, names)


def counted_record(results: Path, name: str) -> CostRecord | None:
    """The network's record, if the current code made it for this profile."""
    try:
        record = read_as(CostRecord, results / "costs" / f"{name}.json")
    except HarnessError:  # missing or altered
        return None
    return record if record.code == network_code(name) and record.profile == results.name else None


def _is_measured(record: CostRecord, results: Path, limits: Limits, device: str) -> bool:
    """Whether the network's throughput was measured with these settings, on this device."""
    if networks()[record.cell].build is None:
        return True
    try:
        throughput = read_as(Throughput, results / "throughput" / f"{record.cell}.json")
    except HarnessError:
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


def _in_fresh_process(name: str, limits: Limits, profile: str, device: str, record: CostRecord | None) -> None:
    """Measures one network in a fresh process, so that the peak of memory is its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with ProcessPoolExecutor(1, mp_context=context, initializer=serve_parent) as pool:
        try:
            pool.submit(measure_network, name, limits, profile, device, record).result()
        except KeyboardInterrupt:
            end_children()  # else the pool would wait for the measurement
            raise
        except BrokenProcessPool as error:
            raise HarnessError(
                f"the process that measured {name} was killed, most likely because memory ran out; free some, then run again"
            ) from error


def measure_network(name: str, limits: Limits, profile: str, device: str, record: CostRecord | None) -> None:
    """Times the network `name`, and counts it unless it has a `record`. Writes its throughput and then its record."""
    started = time.time()
    measured = measured_fields(networks()[name], limits, device)
    seconds = time.time() - started
    record = record or _count(name, profile)
    if measured is not None:
        process = this_process("cost", started, seconds, device)
        kept = {"network": name, "profile": profile, "record_digest": record.digest, "limits": asdict(limits), "process": process}
        write_record(Path("results") / profile / "throughput" / f"{name}.json", make(Throughput, **kept, **measured))
    write_record(Path("results") / profile / "costs" / f"{name}.json", record)


def _count(name: str, profile: str) -> CostRecord:
    entry = networks()[name]
    return make(
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
        **counted_fields(entry),
    )


if __name__ == "__main__":
    run_command(main)
