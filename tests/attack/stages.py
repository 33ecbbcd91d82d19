"""A small project and its stages, undisturbed, and what must hold of them after a disturbance."""

import atexit
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from children import Action, run
from ruamel.yaml import YAML
from stored_data import png
from tally import ROOT, Tally

from harness.config import load_params
from harness.report import __main__ as report
from pipelines import anchors, cost, evaluate, extractor, prepare, train

PARAMS = ["--params", "pipelines/digits/params.yaml"]
CELL = "table1-16"
CANNOT_REPEAT = ("measured", ".ckpt", "throughput", "mlflow")
TEMPORARY = (".tmp", ".part", "~")


def write_report() -> None:
    """`python -m harness.report --profile digits`."""
    sys.argv = ["report", "--profile", "digits"]
    report.main()


STAGES: dict[str, Action] = {
    "prepare": lambda: prepare.main(PARAMS),
    "extractor": lambda: extractor.main(PARAMS),
    "train": lambda: train.main([*PARAMS, "--cell", CELL]),
    "evaluate": lambda: evaluate.main([*PARAMS, "--cell", CELL]),
    "anchors": lambda: anchors.main([*PARAMS, "--data", "digits"]),
    "cost": lambda: cost.main(PARAMS),
    "report": write_report,
}


def write_project(root: Path) -> None:
    """The digits profile with one cell that trains for a moment, and a folder of pictures."""
    params = load_params(ROOT / "pipelines/digits/params.yaml")
    params["cells"], params["rows"] = {CELL: params["cells"][CELL]}, {CELL: params["rows"][CELL]}
    params["data"] = {"digits": params["data"]["digits"], "folder": {"name": "image-folder", "path": "in", "resolution": 16}}
    params["train"] |= {"nimg": 64, "batch": 8, "checkpoint_nimg": 16, "log_nimg": 16, "snapshots": 2, "engine": "reference"}
    params["discriminator"] |= {"encoder_dims": [8, 16], "head_dims": [16, 16], "mlp_dim": 16}
    params["generator"] |= {"dims": [64, 16, 4], "mlp_dim": 16}
    params["cost"] = {"networks": ["strans-g", "d32-conv"], "repeats": 1, "pass_seconds": 0.001, "seconds": 0.001}
    scoring = {"batch": 64, "seeds": [1], "reduced": 64}
    params["evaluate"] = {
        "digits": {"protocols": ["digits-test"], **scoring},
        "folder": {"protocols": ["images-test"], **scoring},
    }
    (root / "in").mkdir(parents=True)
    for number in range(600):  # enough for several shards
        (root / f"in/{number:03d}.png").write_bytes(png(number))
    (root / "pipelines/digits").mkdir(parents=True)
    with (root / PARAMS[1]).open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)


@dataclass(frozen=True)
class Sound:
    """A project whose stages ran undisturbed: what it was after each, and the seconds that each took."""

    root: Path
    seconds: dict[str, float]

    def after(self, stage: str) -> dict[str, bytes]:
        """The results that must be there after `stage`."""
        return results(self.root / "after" / stage)

    def before(self, stage: str, root: Path) -> None:
        """Makes `root` the project as it was before `stage`."""
        shutil.rmtree(root, ignore_errors=True)
        for name in ("pipelines", "in"):
            shutil.copytree(self.root / name, root / name)
        earlier = list(STAGES)[: list(STAGES).index(stage)]
        if earlier:
            shutil.copytree(self.root / "after" / earlier[-1] / "results", root / "results")


@cache
def sound_project() -> Sound:
    """One for all classes of attacks."""
    folder = Path(tempfile.mkdtemp(prefix="harness-attack-")).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    root, said, seconds = folder / "sound", folder / "said.txt", {}
    write_project(root)
    for stage, action in STAGES.items():
        began = time.monotonic()
        if status := run(root, action, said):
            raise RuntimeError(f"{stage} ended with {status}: {said.read_text()[-1500:]}")
        seconds[stage] = time.monotonic() - began
        shutil.copytree(root / "results", root / "after" / stage / "results")
    return Sound(root, seconds)


def results(root: Path) -> dict[str, bytes]:
    """Every file of the results that must repeat."""
    files = (path for path in (root / "results").rglob("*") if path.is_file())
    named = {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
    return {name: content for name, content in named.items() if not any(part in name for part in CANNOT_REPEAT)}


def leftovers(root: Path) -> list[str]:
    """Files that a killed process should not leave, or the next one should have swept."""
    names = (path.relative_to(root).as_posix() for path in root.rglob("*"))
    return [name for name in names if name.endswith(TEMPORARY) or ".tmp" in name]


def check_said(tally: Tally, what: str, said: Path) -> None:
    """Counts a traceback in what a child said, and forgets what it said."""
    words = said.read_text(errors="replace") if said.exists() else ""
    if "Traceback" in words:
        tally.tracebacks += 1
        tally.keep(f"{what}: TRACEBACK {words[-300:]!r}")
    said.unlink(missing_ok=True)


def check_again(tally: Tally, what: str, root: Path, stage: str, said: Path) -> None:
    """Runs `stage` in a disturbed project: it must end as in an undisturbed one, and leave nothing else behind."""
    if status := run(root, STAGES[stage], said):
        tally.fail(f"{what}: run again it ended with {status}: {said.read_text(errors='replace')[-300:]!r}")
        return
    check_said(tally, f"{what}, run again", said)
    found, wanted = results(root), sound_project().after(stage)
    if wrong := sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)):
        tally.fail(f"{what}: run again it gave other {wrong[:3]}")
    if left := leftovers(root):
        tally.fail(f"{what}: left {left[:3]}")
    if stage == "train" and any(root.glob(".ckpt/digits/*/*.safetensors")):
        tally.fail(f"{what}: left the checkpoints of a finished cell")
