"""Writes every dvc.yaml from three templates. Each stage's dependencies are the files that it imports and reads.

Run `python -m pipelines.commands.stages` after adding an import or a dataset; `make repro` runs it too. With `--check` it writes
nothing and names stale files. A new cell does not need it, because DVC makes the stages of cells from params.yaml. It also writes
the params.yaml of profiles of replicates. `python -m pipelines.commands.stages paper` starts another profile: from then on DVC
knows its stages.
"""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.closure import DATA_SUFFIXES, ROOT, source_files
from harness.config import load_params
from harness.data import DATASETS
from harness.errors import HarnessError, run_command, unknown_choice
from harness.files import write_text
from harness.names import check_name
from pipelines.commands.replicates import replicated_params
from pipelines.inputs import cell_stage_files

DEFAULT = "digits"  # the profile of plain `dvc repro`
NO_FILE = ".dvcignore"  # used for datasets without a file, because DVC needs the same number of dependencies from each
SOURCES = (".py", *DATA_SUFFIXES)
PINNED = ("cifar10", "celeba")  # datasets whose files have published checksums; other content is refused


def main(argv: list[str] | None = None) -> None:
    """Writes or checks the files. Must run in the root of the repository."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.commands.stages", description=__doc__)
    parser.add_argument("profiles", nargs="*", metavar="PROFILE", help="start these too: pipelines/PROFILE has a params.yaml")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is stale")
    args = parser.parse_args(argv)
    stale = _stale(replicated_params())
    if not args.check:  # a profile's dvc.yaml depends on its params.yaml
        _write(stale)
        stale = {}
    stale |= _stale(pipelines(args.profiles))
    if args.check and stale:
        names = ", ".join(map(str, stale))
        raise HarnessError(
            f"{names}: not what code and parameters ask for; run `python -m pipelines.commands.stages`, then commit"
        )
    _write(stale)


def _stale(texts: Mapping[Path, str]) -> dict[Path, str]:
    return {path: text for path, text in texts.items() if not path.is_file() or path.read_text("utf-8") != text}


def _write(texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        write_text(path, text)
        print(f"{path}: written")


def pipelines(started: Iterable[str] = ()) -> dict[Path, str]:
    """{path: text} of the root's dvc.yaml and of every started profile's.

    A profile is a folder with a params.yaml. It is started if it also has a dvc.yaml, or is named here. DVC prints messages about
    every dvc.yaml in the repository, whatever it is asked, and about no other profile. HarnessError if there is no such profile.
    """
    known = {path.parent.name: path.parent for path in sorted(Path("pipelines").glob("*/params.yaml"))}
    if unknown := [name for name in started if name not in known]:
        raise unknown_choice("profile", unknown[0], known)
    chosen = {DEFAULT, *started}
    folders = [folder for name, folder in known.items() if name in chosen or (folder / "dvc.yaml").is_file()]
    texts = {folder / "dvc.yaml": profile_pipeline(folder) for folder in folders}
    return texts | {Path("dvc.yaml"): _rendered("root", profile=DEFAULT)}


def profile_pipeline(folder: Path) -> str:
    """The dvc.yaml of the profile in `folder`. HarnessError if its name is not the folder's."""
    params = load_params(folder / "params.yaml")
    if check_name("profile", folder.name) != params.get("profile"):
        given = f"{folder}/params.yaml: profile: given {params.get('profile')!r}"
        raise HarnessError(f"{given}; expected {folder.name!r}, the name of its folder; rename one of them")
    if params.get("checkpoints"):
        return _rendered("published", profile=folder.name)  # of weights that are scored and not trained
    return _rendered(
        "profile",
        profile=folder.name,
        adds_to=params.get("adds_to"),
        cell_code=cell_stage_files,
        prepare_code=prepare_files(params),
        sources=data_sources(params),
        statistics=statistics_files(params),
    )


def prepare_files(params: Mapping[str, Any]) -> list[str]:
    """Files that preparing the profile's datasets depends on. Not the list of all datasets: a new one changes no other."""
    names = sorted({entry["name"] for entry in params["data"].values()})
    for name in names:
        if name not in DATASETS:
            raise unknown_choice("dataset", name, DATASETS)
    return source_files("pipelines.prepare", *(DATASETS[name].params.__module__ for name in names), stops=["harness.data"])


def with_folders(files: Iterable[str], root: Path = ROOT) -> list[str]:
    """Replaces files by their folder where all of its files are among them. A new file in it then needs no new dvc.yaml."""
    left = set(files)
    for folder in sorted({parent for file in left for parent in Path(file).parents if parent.name}):  # outer ones first
        inside = {path.relative_to(root).as_posix() for path in (root / folder).rglob("*") if path.suffix in SOURCES}
        if inside <= left:
            left = left - inside | {folder.as_posix()}
    return sorted(left)


def data_sources(params: Mapping[str, Any]) -> dict[str, str]:
    """{dataset: the archive or folder that it is prepared from}. Empty if all contents are pinned.

    A file with a checksum is not a dependency, and neither are the extractors' weights: the stage refuses any other content, and
    downloads CIFAR-10 itself if it is missing.
    """
    named = {}
    for key, entry in params["data"].items():
        pinned = entry["checksum"] if "checksum" in entry else entry["name"] in PINNED
        named[key] = NO_FILE if pinned else entry.get("path", NO_FILE)
    return _unless_empty(named)


def statistics_files(params: Mapping[str, Any]) -> dict[str, str]:
    """{dataset: its reference statistics}. Empty if no dataset has any."""
    return _unless_empty({key: entry.get("statistics") or NO_FILE for key, entry in params["evaluate"].items()})


def _unless_empty(named: dict[str, str]) -> dict[str, str]:
    return named if set(named.values()) != {NO_FILE} else {}


def _rendered(template: str, **values: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["entries"] = _entries
    return environment.get_template(f"{template}.dvc.yaml.j2").render(
        code=lambda *modules, stops=(): with_folders(source_files(*modules, stops=stops)), **values
    )


def _entries(paths: Iterable[str], indent: int) -> str:
    """Formats the entries of a YAML list."""
    return "\n".join(f"{' ' * indent}- {path}" for path in paths)


if __name__ == "__main__":
    run_command(main)
