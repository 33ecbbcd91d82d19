"""Finds the source files that a module's results depend on: the closure of its imports inside the project.

DVC's dependencies (pipelines/commands/stages.py), the key of checkpoints and the reuse of measured costs are based on it. It
reads source text without importing anything. Tests compare it with grimp.
"""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from harness.files import digest, sha256_file

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("harness", "lada", "baselines", "pipelines")
# Modules that stages import but that cannot change a result. A change in one of them retrains nothing.
HARMLESS = {
    "harness.closure": "says what may be resumed or left as it is; computes nothing",
    "harness.errors": "the wording of messages",
    "harness.names": "refuses names; never changes one",
    "harness.progress": "what the user sees while a job runs",
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
# Packages whose `__init__` lists their modules. Importing one of the modules makes a stage depend on that one, not on the list.
REGISTRIES = ("harness.data", "baselines.attention", "baselines.generators")
DATA_SUFFIXES = (".csv", ".j2", ".json", ".safetensors", ".yaml")


def source_files(*modules: str, stops: Iterable[str] = (), root: Path = ROOT) -> list[str]:
    """Files that `modules` depend on, including their own: paths relative to `root`, sorted.

    Imports inside functions count too. So do the packages that contain a module, because Python runs them, except registries, and
    the data files beside an imported module. HARMLESS modules with their submodules, and `stops`, are left out unless they are in
    `modules`.
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
    """The source file of a module of this project. None for any other module."""
    if module.split(".")[0] not in PACKAGES:
        return None
    path = root.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _imports(file: Path, module: str, root: Path) -> list[str]:
    """Modules that a file imports. `from a import b` gives a.b if that is a module, else a."""
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
