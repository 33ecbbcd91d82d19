"""The attacks, class by class. Each takes a scratch folder, a seed and how often to try, and returns its tallies."""

import copy
import errno
import hashlib
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import hostile
from kills import kills
from mutations import damaged
from ruamel.yaml import YAML
from stored import ROOT, SIZES, TARGETS, Target, read_zip
from tally import Tally, same

from harness.config import load_params
from harness.data import download
from harness.data.archives import read_tar_files
from harness.metrics.adm import read_statistics
from harness.report.__main__ import report
from pipelines import anchors, cost, evaluate, extractor, prepare, train
from pipelines.commands import plan, sweep
from pipelines.profile import load_profile

CELL = "table1-16"
CONTENT = bytes(range(256)) * 20


def stored(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Random damage to everything that is read back."""
    return [_mutate(target, _room(scratch, target), seed, -(-tries // len(TARGETS))) for target in TARGETS]


def _room(scratch: Path, target: Target) -> Path:
    root = scratch / target.name.replace(" ", "-")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    return root


def _mutate(target: Target, root: Path, seed: int, tries: int) -> Tally:
    rng, tally = random.Random(f"{seed}/{target.name}"), Tally(target.name)
    target.make(root)
    sound = target.read(root)
    for _ in range(tries):
        with damaged(rng, root, removes=not target.inputs) as how:
            tally.attack(how, partial(target.read, root), sound)
        if target.again:
            root = _room(root.parent, target)
            target.make(root)
    return tally


def read_errors(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Files that cannot be read for a reason that passes: one line or a way round it, and nothing is removed or changed."""
    tally, rng = Tally("read errors"), random.Random(seed)
    for number in range(tries):
        target = TARGETS[number % len(TARGETS)]
        root = _room(scratch, target)
        target.make(root)
        sound, before = target.read(root), _tree(root)
        path = root / rng.choice(sorted(before))
        code = rng.choice((errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE))
        with _unreadable(path, code):
            tally.attack(
                f"{target.name}: {path.name} {errno.errorcode[code]}", lambda target=target, root=root: target.read(root), sound
            )
        if _tree(root) != before or not same(target.read(root), sound):
            tally.fail(f"{target.name}: {path.name} {errno.errorcode[code]} changed what is there")
    return [tally]


@contextmanager
def _unreadable(path: Path, code: int) -> Iterator[None]:
    """Every way of opening `path` fails with this error."""
    import builtins
    import io

    real, real_io = builtins.open, io.open

    def failing(file: Any, *words: Any, **options: Any) -> Any:
        if not isinstance(file, int) and os.path.abspath(os.fsdecode(file)) == str(path):
            raise OSError(code, os.strerror(code), str(path))
        return real(file, *words, **options)

    builtins.open = io.open = failing
    try:
        yield
    finally:
        builtins.open, io.open = real, real_io


def _tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def archives(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Hostile zip and tar archives."""
    tally = Tally("hostile archives")
    for _ in range(max(1, tries // 17)):
        for what, path in hostile.archives(scratch):
            path.replace(scratch / "a.zip")
            tally.must_refuse(f"zip {what}", lambda: read_zip(scratch))
        for what, path in hostile.tars(scratch):
            tally.must_refuse(f"tar {what}", lambda path=path: list(read_tar_files(path, SIZES, 10_000)))
    return [tally]


def arrays(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Statistics that are none."""
    tally, rng = Tally("hostile npz"), random.Random(seed)
    for _ in range(max(1, tries // 100)):
        for what, path in hostile.arrays(rng, scratch):
            tally.must_refuse(what, lambda path=path: read_statistics(path, "label"))
    return [tally]


def servers(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """A server that lies, on the loopback."""
    tally, rng = Tally("lying servers"), random.Random(seed)
    checksum, path, said = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", scratch / "file", [b""]
    timeout, download.TIMEOUT = download.TIMEOUT, 2
    try:
        with hostile.serving(lambda: said[0]) as url:
            for what, said[0] in hostile.answers(rng, CONTENT, tries):
                path.unlink(missing_ok=True)
                if rng.random() < 0.5:
                    path.with_name("file.part").unlink(missing_ok=True)
                tally.attack(what, lambda: download.fetch(url, path, checksum, 10_000).read_bytes(), CONTENT)
                if any(found.stat().st_size > 10_000 for found in scratch.iterdir()):
                    tally.fail(f"{what}: more was kept than allowed")
    finally:
        download.TIMEOUT = timeout
    return [tally]


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


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
    with _inside(root):
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
            if _tree(scratch).keys() != {"inside/pipelines/p/params.yaml", "victim/evil/kept.txt"}:
                tally.fail(f"{where} {name!a} through {entry}: left {sorted(_tree(scratch))[:3]}")
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
    None,
    [],
    {},
    [None],
    {"a": 1},
    "text",
    "",
    float("nan"),
    float("inf"),
    10**40,
    -(10**40),
    "1; touch owned",
    b"bytes",
    [[[]]],
)


def edits(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Wrong edits of params.yaml through every entry point: a value of another type, or a key that nobody knows."""
    tally, rng = Tally("wrong edits"), random.Random(seed)
    base = _base(scratch)
    leaves = list(_leaves(base))
    with _inside(scratch):
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
            if list(_tree(scratch)) != ["pipelines/p/params.yaml"]:
                tally.fail(f"{'.'.join(map(str, groups))} {last}: left {sorted(_tree(scratch))[:3]}")
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


CLASSES: dict[str, tuple[Callable[[Path, int, int], list[Tally]], int]] = {
    "stored": (stored, 500),
    "read errors": (read_errors, 60),
    "archives": (archives, 17),  # as many as there are kinds
    "arrays": (arrays, 100),
    "servers": (servers, 120),
    "names": (names, 150),
    "edits": (edits, 200),
    "kills": (kills, 12),
}
