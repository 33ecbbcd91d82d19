"""The front door: `ladabench COMMAND ...`, also `python -m harness COMMAND ...`.

Works from any directory of the repository: a command runs in the repository's root. Commands are found by name, because the
harness imports no pipeline.
"""

import os
import platform
import re
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.errors import HarnessError, run_command, unknown_choice
from harness.progress import QUIET

PACKAGE = "ladagan-harness"
BENCHES = Path("pipelines/benches")
HEAD = """usage: ladabench COMMAND [OPTION ...]        (the same as: python -m harness COMMAND [OPTION ...])

The reference benchmark of LadaGAN. It works from any directory of the repository.
"""
TAIL = """
  ladabench COMMAND --help     what a command takes, with defaults and units
  ladabench COMMAND --quiet    no progress and no advice: results, warnings and errors alone
  ladabench --version          versions of the harness, Python and torch, and the commit

examples:
  ladabench repro                              # the digits profile, every cell of Tables I-III, on this machine
  ladabench verify --profile digits            # recompute and check every digit of its tables and records
  ladabench score DIR_A DIR_B --extractor digits-cnn
"""


@dataclass(frozen=True)
class Command:
    """What stands behind a name: a module that is run, the words that come first, and a line for the reader."""

    module: str
    says: str
    words: tuple[str, ...] = ()
    in_root: bool = True  # else where the user is: it takes any folder, and no results


COMMANDS = {
    "repro": Command("pipelines.commands.repro", "train, score and report a profile, or some of its cells"),
    "report": Command("harness.report", "tables, figures and the page from the records"),
    "verify": Command("harness.verify", "check tables and records; repeat a cell; compare with a Git revision"),
    "compare": Command("pipelines.commands.compare", "two profiles, commits or machines side by side"),
    "new": Command("pipelines.commands.new", "start an attention mechanism, or a profile of your own pictures"),
    "plan": Command("pipelines.commands.plan", "what a profile would train, how long it would take, what it lacks"),
    "sweep": Command("pipelines.commands.sweep", "train cells side by side, here or under Slurm"),
    "score": Command("harness.metrics.score", "two folders of any pictures", in_root=False),
    "sample": Command("harness.sample", "pictures of trained weights by their seeds: a grid, a folder, an npz, a walk as a GIF"),
    "publish": Command("harness.publish", "a trained cell as a model folder of the Hugging Face hub"),
    "ui": Command("harness.tracking", "MLflow with every cell as a run, on this machine", ("--ui",)),
    "bench": Command(str(BENCHES).replace("/", "."), "how fast it is: ladabench bench NAME"),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Runs a command in this process's place, so that its signals and its exit status are its own."""
    if sys.platform == "win32":
        raise HarnessError("Windows itself is not supported; expected Linux; run inside WSL2 (`wsl --install`), which is one")
    words = list(sys.argv[1:] if argv is None else argv)
    if "--quiet" in words:
        os.environ[QUIET] = "1"
        words = [word for word in words if word != "--quiet"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(help_text())
    elif words[0] == "--version":
        print(version_text(find_root(Path.cwd())))
    else:
        run(words[0], words[1:])


def run(name: str, words: list[str]) -> None:
    """Replaces this process by the command `name`; HarnessError for another name, or outside the repository."""
    if name not in COMMANDS:
        raise unknown_choice("command", name, COMMANDS)
    command, here = COMMANDS[name], Path.cwd()
    if command.in_root:
        root = find_root(here)
        if root is None:
            raise HarnessError(f"{name}: {here} is not inside the harness's repository; change to the clone, then run again")
        os.chdir(root)
        words = words if here == root else [from_here(word, here) for word in words]
    module, words = bench(words) if name == "bench" else (command.module, words)
    os.execv(sys.executable, [sys.executable, "-m", module, *command.words, *words])


def find_root(here: Path) -> Path | None:
    """The repository's root, from any directory in it; None outside."""
    for folder in (here, *here.parents):
        if (folder / "harness" / "__main__.py").is_file() and (folder / "pipelines").is_dir():
            return folder
    return None


def from_here(word: str, here: Path) -> str:
    """A path that the user gave relative to the directory he is in, made absolute; any other word as it is."""
    return str((here / word).resolve()) if not word.startswith("-") and "/" in word and (here / word).exists() else word


def bench(words: list[str]) -> tuple[str, list[str]]:
    """(module, the words left) of `bench NAME ...`; HarnessError where there is no such bench."""
    names = bench_names()
    if not words or words[0] not in names:
        raise unknown_choice("bench", words[0] if words else "", names)
    return f"{COMMANDS['bench'].module}.{words[0].replace('-', '_')}", words[1:]


def bench_names() -> list[str]:
    """Names of the benches that can be run."""
    files = sorted(path for path in BENCHES.glob("*.py") if "__main__" in path.read_text(encoding="utf-8"))
    return [path.stem.replace("_", "-") for path in files]


def help_text() -> str:
    """Every command with its line."""
    return HEAD + "\ncommands:\n" + "".join(f"  {name:<9}{command.says}\n" for name, command in COMMANDS.items()) + TAIL


def version_text(root: Path | None) -> str:
    """`ladagan-harness 0.2.0, Python 3.11.7, torch 2.15.0, commit 1a2b3c4d5e6f`."""
    words = [f"{PACKAGE} {own_version(root)}", f"Python {platform.python_version()}", f"torch {_installed('torch')}"]
    if root is not None:
        from harness.records.environment import git_state  # pydantic takes half a second

        state = git_state()
        changed = " with uncommitted changes" if state.dirty else ""
        words.append(f"commit {state.commit[:12]}{changed}" if state.commit else f"no commit ({state.reason})")
    return ", ".join(words)


def own_version(root: Path | None) -> str:
    """Of the tree that one stands in, else of the installed package."""
    if root is not None:
        return str(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    return _installed(PACKAGE)


def _installed(package: str) -> str:
    try:
        return re.sub(r"\+.*", "", version(package))
    except PackageNotFoundError:
        return "not installed"


def entry() -> None:
    """What the installed `ladabench` starts."""
    run_command(main)


if __name__ == "__main__":
    entry()
