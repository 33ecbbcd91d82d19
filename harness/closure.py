"""Which source files a module's results depend on: the closure of its imports inside the project.

From here comes what DVC is told (pipelines/commands/stages.py), what code may resume a checkpoint, and which costs need not be
measured again. It reads source text and imports nothing; tests hold it to grimp's answer.
"""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from harness.files import digest, sha256_file

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("harness", "lada", "baselines", "pipelines")
# Imported by stages, and unable to change a result: a typing error in one of them retrains nothing.
HARMLESS = {
    "harness.closure": "says what may be resumed or left as it is; computes nothing",
    "harness.errors": "the wording of messages",
    "harness.names": "refuses names; never changes one",
    "harness.processes": "how a command ends when it is told to",
    "harness.tracking": "shows curves in MLflow while they come to be, and fails without harm",
    "harness.training.identity": "says which checkpoint may be resumed; computes nothing",
    "harness.training.interrupt": "when a run stops to be resumed later",
    "harness.locks": "who may run at the same time",
    "harness.training.progress": "what the user sees while a cell trains",
    "harness.training.memory": "refuses batches that do not fit; computes nothing",
    "pipelines.inputs": "writes the hashes of source files; computes nothing",
    "pipelines.needs": "refuses cells that lack something; computes nothing",
    "pipelines.profile": "checks params.yaml, whose values DVC follows itself; a stage imports the types of those it uses",
}
# Packages whose `__init__` lists what lies in them. To import one module of them is to depend on that one, not on the whole list.
REGISTRIES = ("harness.data", "baselines.attention", "baselines.generators")
DATA_SUFFIXES = (".csv", ".j2", ".json", ".safetensors", ".yaml")


def source_files(*modules: str, stops: Iterable[str] = (), root: Path = ROOT) -> list[str]:
    """Files that `modules` depend on, themselves included: paths relative to `root`, sorted.

    Imports are followed wherever they stand, in functions too. Every package on the way to a module counts, because Python runs
    it, unless it is a registry; so do the data files beside an imported module. HARMLESS modules, with what lies in them, and
    `stops` are left out, unless they are asked for.
    """
    found: dict[str, Path] = {}
    waiting, asked = list(modules), {parent for module in modules for parent in _with_parents(module)}
    harmless, ends = HARMLESS.keys() - asked, set(stops) - set(modules)
    while waiting:
        module = waiting.pop()
        file = _file(module, root)
        if file is None or module in found or module in ends or not harmless.isdisjoint(_with_parents(module)):
            continue
        found[module] = file
        waiting += _imports(file, module, root)
        waiting += [parent for parent in _with_parents(module)[:-1] if parent not in REGISTRIES]
    data = {path for file in found.values() for path in file.parent.iterdir() if path.suffix in DATA_SUFFIXES}
    return sorted(path.relative_to(root).as_posix() for path in {*found.values(), *data})


def file_digests(paths: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """{path: sha256} of files given relative to `root`."""
    return {path: sha256_file(root / path) for path in paths}


def code_digest(*modules: str, stops: Iterable[str] = ()) -> str:
    """One digest of all files that `modules` depend on."""
    return digest(file_digests(source_files(*modules, stops=stops)))


def _with_parents(module: str) -> list[str]:
    """`a.b.c` -> a, a.b, a.b.c."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _file(module: str, root: Path) -> Path | None:
    """The source of a module of the project, None for anything else."""
    if module.split(".")[0] not in PACKAGES:
        return None
    path = root.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _imports(file: Path, module: str, root: Path) -> list[str]:
    """Names that a file's import statements mention; `from a import b` gives a.b where that is a module, else a."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    names = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level]) if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            inner = [f"{base}.{alias.name}" for alias in node.names]
            names += [name if _file(name, root) else base for name in inner]
    return names
