"""The processes that worked on a checkpoint's scores. One that was killed stays in the list: its features are used."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from pydantic import ValidationError

from harness.errors import HarnessError
from harness.files import write_json
from harness.records.environment import this_process
from harness.records.parts import Process
from harness.strict_json import load_json

FOLDER = Path(".ckpt/published")


@dataclass
class Workers:
    """The list, kept in `path` until a measurement has it."""

    path: Path
    device: str
    began: float  # time.time() at the start of this process
    earlier: list[Process] = field(default_factory=list)

    def processes(self) -> list[Process]:
        """Every process that finished a part, and this one last."""
        return [*self.earlier, this_process("published", self.began, time() - self.began, self.device)]

    def say(self, line: str) -> None:
        """Shows a line of progress, and notes this process with the time until now: a part of its work is on the disk."""
        print(line, file=sys.stderr, flush=True)
        write_json(self.path, [found.model_dump() for found in self.processes()])

    def forget(self) -> None:
        """Removes the file."""
        self.path.unlink(missing_ok=True)


def workers(profile: str, key: str, asked: str, device: str, began: float) -> Workers:
    """The list of a checkpoint, with the killed processes that worked on the same scores. HarnessError if it is damaged.

    asked: digest of everything that decides the scores. began: time.time() at the start of this process.
    """
    found = Workers(FOLDER / f"{profile}-{key}-{asked[:12]}.json", device, began)
    if found.path.is_file():
        try:
            found.earlier = [Process.model_validate(process) for process in load_json(found.path, "list of processes")]
        except (TypeError, ValidationError) as error:
            raise HarnessError(f"{found.path} is no list of processes; expected what this stage wrote; delete it") from error
    return found
