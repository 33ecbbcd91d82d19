"""A run in progress: what a checkpoint holds, and how it is saved and restored."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from harness.errors import HarnessError
from harness.records.environment import this_process
from harness.records.parts import Process
from harness.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    read_tensors,
    remove_half_written,
    save_checkpoint,
    save_tensors,
)
from harness.training.curves import CurveSums
from harness.training.state_io import restore_state, state_tensors
from harness.training.step import TrainState


@dataclass
class Session:
    """The state of one run. Only rank 0 reads and writes files; the other ranks resume from what rank 0 has read."""

    state: TrainState
    sums: CurveSums
    scratch: Path  # folder of the checkpoints and snapshots
    key: str  # digest of everything that decides the run's result
    batch: int  # images per step, over all ranks
    done: int = 0  # steps so far
    rows: list[dict] = field(default_factory=list)  # of the curves
    snapshots: dict[str, str] = field(default_factory=dict)  # {file name: sha256}
    earlier: list[Process] = field(default_factory=list)  # processes that did the steps before `resumed_at`
    resumed_at: int = 0  # the step at which this process went on
    began: float = field(default_factory=time.monotonic)  # seconds
    started: float = field(default_factory=time.time)  # seconds since 1970

    @property
    def leads(self) -> bool:
        """Whether this rank reads and writes the files."""
        return self.state.ranks.rank == 0

    def processes(self) -> list[Process]:
        """Every process that did steps of the run, this one last. A process that did none is not listed."""
        if self.done == self.resumed_at:
            return self.earlier
        images, seconds = (self.done - self.resumed_at) * self.batch, time.monotonic() - self.began
        return [*self.earlier, this_process("train", self.started, seconds, self.sums.values.device, images)]

    def save(self) -> None:
        """Writes a checkpoint."""
        if self.leads:
            tensors = state_tensors(self.state) | {"curves": self.sums.values}
            state = {
                "rows": self.rows,
                "snapshots": self.snapshots,
                "processes": [found.model_dump() for found in self.processes()],
            }
            save_checkpoint(self.scratch, self.key, Checkpoint(self.done, tensors, state), self.snapshots)

    def resume(self) -> None:
        """Restores the newest checkpoint, if there is one."""
        if self.leads:
            remove_half_written(self.scratch)
        found = self.state.ranks.share(load_checkpoint(self.scratch, self.key) if self.leads else None)
        if found is not None:
            restore_state(self.state, found.tensors)
            self.sums.values.copy_(found.tensors["curves"])
            self.done, self.rows, self.snapshots = found.step, found.state["rows"], found.state["snapshots"]
            self.earlier = [Process.model_validate(process) for process in found.state["processes"]]
            self.resumed_at = self.done

    def snapshot(self) -> None:
        """Keeps the averaged generator as it is now."""
        if self.leads:
            name = f"{self.key[:12]}-snapshot-{self.done * self.batch}.safetensors"
            self.snapshots[name] = save_tensors(self.scratch / name, self.state.ema.module.state_dict())

    def snapshots_before(self, nimg: float) -> dict[int, dict[str, Tensor]]:
        """{images seen: weights} of the snapshots taken before `nimg` images; empty except on rank 0."""
        taken = {int(name.removesuffix(".safetensors").rsplit("-", 1)[1]): name for name in self.snapshots}
        return {at: self._read_snapshot(name) for at, name in taken.items() if at < nimg}

    def _read_snapshot(self, name: str) -> dict[str, Tensor]:
        try:
            return read_tensors(self.scratch / name, self.snapshots[name])
        except (ValueError, FileNotFoundError) as error:
            raise HarnessError(
                f"{self.scratch / name} is damaged or gone ({error}); delete {self.scratch}, train again"
            ) from error
