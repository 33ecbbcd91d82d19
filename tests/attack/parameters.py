"""Hostile names and wrong edits of params.yaml, through every command that reads it."""

import copy
import random
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import hostile
from ruamel.yaml import YAML
from tally import ROOT, Tally, tree

from harness.config import load_params
from harness.report.__main__ import report
from pipelines import anchors, cost, evaluate, extractor, prepare, train
from pipelines.commands import plan, sweep
from pipelines.profile import load_profile

CELL = "table1-16"


def _entry_points(profile: str, cell: str, data: str) -> dict[str, Any]:
    params = f"pipelines/{profile}/params.yaml"
    return {
        "prepare": lambda: prepare.main(["--params", params, "--data", data]),
        "extractor": lambda: extractor.main(["--params", params]),
        "anchors": lambda: anchors.main(["--params", params, "--data", data]),
        "train": lambda: train.main(["--params", params, "--cell", cell]),
        "evaluate": lambda: evaluate.main(["--params", params, "--cell", cell]),
        "plan": lambda: plan.main(["--params", params, "--untimed"]),
        "cost": lambda: cost.main(["--params", params]),
        "sweep": lambda: sweep.main(["--profile", profile]),
    }


def names(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Names that are paths or shell text, wherever a name comes in; nothing outside may be touched, nothing executed."""
    tally, rng = Tally("hostile names"), random.Random(seed)
    root = scratch / "inside"
    root.mkdir()
    victim = scratch / "victim/evil"
    victim.mkdir(parents=True)
    (victim / "kept.txt").write_text("kept")
    base = _base(root)
    with chdir(root):
        for number in range(tries):
            name = hostile.NAMES[number % len(hostile.NAMES)]
            params, where = copy.deepcopy(base), rng.choice(("profile", "cell", "data", "--cell", "--data", "report"))
            if where == "profile":
                params["profile"] = name
            elif where == "cell":
                params["cells"][name], params["rows"] = params["cells"].pop(CELL), {}
            elif where == "data":
                for section in ("data", "evaluate"):
                    params[section][name] = params[section].pop("digits")
                params["cells"][CELL]["data"] = name
            _dump(params, Path("pipelines/p/params.yaml"))
            points = _entry_points("p", name if where == "--cell" else CELL, name if where == "--data" else "digits")
            allowed = {"--cell": ("train", "evaluate"), "--data": ("prepare", "anchors")}.get(where, tuple(points))
            entry = rng.choice(allowed)
            action = (lambda name=name: report(name)) if where == "report" else points[entry]
            tally.must_refuse(f"{where} {name!a} through {entry}", action)
            if tree(scratch).keys() != {"inside/pipelines/p/params.yaml", "victim/evil/kept.txt"}:
                tally.fail(f"{where} {name!a} through {entry}: left {sorted(tree(scratch))[:3]}")
    return [tally]


def _base(root: Path) -> dict[str, Any]:
    """The digits profile with one cell and one dataset, written to `root`; sound, or every attack on it would be refused."""
    params = load_params(ROOT / "pipelines/digits/params.yaml")
    for section, key in (("cells", CELL), ("rows", CELL), ("data", "digits"), ("evaluate", "digits")):
        params[section] = {key: params[section][key]}
    (root / "pipelines/p").mkdir(parents=True)
    _dump(params, root / "pipelines/p/params.yaml")
    load_profile(root / "pipelines/p/params.yaml")
    return params


WRONG = (
    None, [], {}, [None], {"a": 1}, "text", "", float("nan"), float("inf"), 10**40, -(10**40), "1; touch owned", b"bytes", [[[]]],
)  # fmt: skip


def edits(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Wrong edits of params.yaml through every entry point: a value of another type, or a key that nobody knows."""
    tally, rng = Tally("wrong edits"), random.Random(seed)
    base = _base(scratch)
    leaves = list(_leaves(base))
    with chdir(scratch):
        for _ in range(tries):
            params, (*groups, last) = copy.deepcopy(base), rng.choice(leaves)
            target = params
            for group in groups:
                target = target[group]
            if isinstance(target, dict) and rng.random() < 0.3:
                target[f"{last}x"] = what = target.pop(last)
            else:
                target[last] = what = rng.choice([value for value in WRONG if _is_wrong(value, target[last])])
            _dump(params, Path("pipelines/p/params.yaml"))
            entry, action = rng.choice(sorted(_entry_points("p", CELL, "digits").items()))
            tally.must_refuse(f"{'.'.join(map(str, (*groups, last)))} = {what!r} through {entry}", action)
            if list(tree(scratch)) != ["pipelines/p/params.yaml"]:
                tally.fail(f"{'.'.join(map(str, groups))} {last}: left {sorted(tree(scratch))[:3]}")
                shutil.rmtree(scratch / "results", ignore_errors=True)
    return [tally]


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list) and value:
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(entry, (*path, key))
    elif path:
        yield path


def _is_wrong(value: Any, now: Any) -> bool:
    """Whether `value` cannot stand where `now` does."""
    if isinstance(now, str):
        return not isinstance(value, str) or value == ""
    return isinstance(value, str | list | dict | bytes) or (value is not None and not abs(value) < 1e30)


def _dump(params: object, path: Path) -> None:
    with path.open("w", encoding="utf-8", errors="surrogatepass") as file:
        YAML(typ="safe", pure=True).dump(params, file)
