"""Measurements: the part of a result that cannot repeat, such as time, memory and device.

They are in `measured/train/<cell>.json`, `measured/<cell>.json` and `throughput/<network>.json`.
"""

from typing import Any, Literal

from pydantic import Field

from harness.records.models import Sealed
from harness.records.parts import Count, Name, Process, Rate, Sha256


class Measured(Sealed):
    """The processes that worked on a cell, and the memory of its training."""

    cell: Name
    profile: Name
    processes: list[Process]
    peak_bytes: Count | None = None
    engine_error: dict[str, float] = Field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Wall time of all processes together."""
        return sum(process.seconds for process in self.processes)

    @property
    def devices(self) -> list[str]:
        """Devices of the processes, each once, in their order."""
        return list(dict.fromkeys(process.device for process in self.processes))


class Training(Measured):
    """The measurements of a training. run_digest: digest of its run.json."""

    kind: Literal["training"] = "training"
    run_digest: Sha256


class Measurement(Measured):
    """The measurements of a score, published or anchor record, with the processes that trained and scored it."""

    kind: Literal["measurement"] = "measurement"
    record_digest: Sha256


class Throughput(Sealed):
    """The measurements of a cost record: rates by batch size, memory and energy, on one device."""

    kind: Literal["throughput"] = "throughput"
    network: Name
    profile: Name
    record_digest: Sha256
    process: Process
    limits: dict[str, Any]
    threads: Count
    rates: dict[str, Rate] = Field(default_factory=dict)
    peak_bytes: Count | None = None
    energy: dict[str, float] | None = None
