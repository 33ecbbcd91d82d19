"""Stages killed at random moments, then run again: the results are those of an undisturbed run, and nothing is left behind.

The stages run in children forked from one process that has imported everything, so that a kill costs a second and not ten.
"""

import contextlib
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import sklearn.datasets
import sklearn.model_selection  # noqa: F401
from ruamel.yaml import YAML
from stored import ROOT, png
from tally import Tally

import harness.metrics.digits
import harness.report.figures  # noqa: F401
from harness.config import load_params
from harness.errors import run_command
from harness.report.__main__ import report
from pipelines import anchors, evaluate, extractor, prepare, train

PARAMS = ["--params", "pipelines/digits/params.yaml"]
CELL = "table1-16"
STAGES: dict[str, Callable[[], None]] = {
    "prepare": lambda: prepare.main(PARAMS),
    "extractor": lambda: extractor.main(PARAMS),
    "train": lambda: train.main([*PARAMS, "--cell", CELL]),
    "evaluate": lambda: evaluate.main([*PARAMS, "--cell", CELL]),
    "anchors": lambda: anchors.main([*PARAMS, "--data", "digits"]),
    "report": lambda: report("digits"),
}
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
CANNOT_REPEAT = ("measured", ".ckpt", "throughput", "mlflow")
TEMPORARY = (".tmp", ".part", "~")


@contextlib.contextmanager
def no_tracking(*_: object) -> Iterator[Callable[[list[dict[str, float]]], None]]:
    """In place of MLflow, whose new database takes ten seconds in every project."""
    yield lambda rows: None


def write_project(root: Path) -> None:
    """The digits profile with one cell that trains for a moment."""
    params = load_params(ROOT / "pipelines/digits/params.yaml")
    params["cells"], params["rows"] = {CELL: params["cells"][CELL]}, {CELL: params["rows"][CELL]}
    params["data"] = {"digits": params["data"]["digits"], "folder": {"name": "image-folder", "path": "in", "resolution": 16}}
    params["train"] |= {"nimg": 64, "batch": 8, "checkpoint_nimg": 16, "log_nimg": 16, "snapshots": 2, "engine": "reference"}
    params["discriminator"] |= {"encoder_dims": [8, 16], "head_dims": [16, 16], "mlp_dim": 16}
    params["generator"] |= {"dims": [64, 16, 4], "mlp_dim": 16}
    scoring = {"batch": 64, "seeds": [1], "reduced": 64}
    params["evaluate"] = {
        "digits": {"protocols": ["digits-test"], **scoring},
        "folder": {"protocols": ["images-test"], **scoring},
    }
    write_pictures(root / "in")
    (root / "pipelines/digits").mkdir(parents=True)
    with (root / PARAMS[1]).open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)


def write_pictures(folder: Path) -> None:
    """Enough of them for several shards."""
    folder.mkdir(parents=True)
    for number in range(600):
        (folder / f"{number:03d}.png").write_bytes(png(number))


def start(root: Path, stage: str, said: Path) -> int:
    """The process id of a child that runs `stage` in `root`; what it says goes to the file `said`."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.chdir(root)
        os.setsid()
        if hasattr(os, "sched_setaffinity"):  # on one core pictures are decoded here, not by workers that import everything anew
            os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        train.live_run = no_tracking
        run_command(STAGES[stage])
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def run(root: Path, stage: str, said: Path) -> int:
    """Runs `stage` to its end; its exit status."""
    return os.waitstatus_to_exitcode(os.waitpid(start(root, stage, said), 0)[1])


def undisturbed(root: Path) -> tuple[dict[str, dict[str, bytes]], dict[str, float]]:
    """The results after each stage, and the seconds that each takes; HarnessError's line where one fails."""
    write_project(root)
    trees, seconds = {}, {}
    for stage in STAGES:
        began = time.monotonic()
        if status := run(root, stage, root.parent / "said.txt"):
            raise RuntimeError(f"{stage} ended with {status}: {(root.parent / 'said.txt').read_text()[-1500:]}")
        trees[stage], seconds[stage] = results(root), time.monotonic() - began
    return trees, seconds


def results(root: Path) -> dict[str, bytes]:
    """Every file of the results that must repeat."""
    files = (path for path in (root / "results").rglob("*") if path.is_file())
    named = {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
    return {name: content for name, content in named.items() if not any(part in name for part in CANNOT_REPEAT)}


def leftovers(root: Path) -> list[str]:
    """Files that a killed process should not leave, or the next one should have swept."""
    names = (path.relative_to(root).as_posix() for path in root.rglob("*"))
    return [name for name in names if name.endswith(TEMPORARY) or ".tmp" in name]


def kills(scratch: Path, seed: int, tries: int, most_seconds: float = 3600) -> list[Tally]:
    """Kills `tries` stages at random moments and runs each again; begins no other after `most_seconds`."""
    began = time.monotonic()
    tally, rng = Tally("kills of stages"), random.Random(seed)
    trees, seconds = undisturbed(scratch / "sound")
    order = list(STAGES)
    for number in range(tries):
        if time.monotonic() - began > most_seconds:
            break
        stage = order[number % len(order)]
        root, said = scratch / "killed", scratch / "killed.txt"
        shutil.rmtree(root, ignore_errors=True)
        said.unlink(missing_ok=True)
        _before(scratch / "sound", root, stage, trees)
        tally.tried += 1
        what = _kill(rng, root, stage, said, seconds[stage])
        words = said.read_text(errors="replace") if said.exists() else ""
        if "Traceback" in words:
            tally.tracebacks += 1
            tally.keep(f"{what}: TRACEBACK {words[-300:]!r}")
        said.unlink(missing_ok=True)
        if status := run(root, stage, said):
            tally.fail(f"{what}: run again it ended with {status}: {said.read_text(errors='replace')[-300:]!r}")
            continue
        found = results(root)
        wrong = sorted(name for name in found.keys() | trees[stage].keys() if found.get(name) != trees[stage].get(name))
        if wrong:
            tally.fail(f"{what}: run again it gave other {wrong[:3]}")
        if left := leftovers(root):
            tally.fail(f"{what}: left {left[:3]}")
        tally.refused += not wrong and not left
    return [tally]


def _before(sound: Path, root: Path, stage: str, trees: dict[str, dict[str, bytes]]) -> None:
    """A copy of the sound project as it was before `stage`."""
    earlier = list(STAGES)[: list(STAGES).index(stage)]
    wanted = trees[earlier[-1]].keys() if earlier else set()
    for name in ("pipelines", "in"):
        shutil.copytree(sound / name, root / name)
    for path in (sound / "results").rglob("*"):
        name = path.relative_to(sound).as_posix()
        if path.is_file() and (name in wanted or ("/measured/" in name and stage not in ("prepare", "extractor", "train"))):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / name)


def _kill(rng: random.Random, root: Path, stage: str, said: Path, seconds: float) -> str:
    """Starts the stage and ends it by a random signal at a random moment; says how."""
    number, moment = rng.choice(SIGNALS), rng.random() * seconds
    child = start(root, stage, said)
    time.sleep(moment)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)
    os.waitpid(child, 0)
    return f"{stage} {signal.Signals(number).name} after {moment:.2f} s"
