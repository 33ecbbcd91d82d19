"""Stage: writes small text files that other stages depend on. `python -m pipelines.inputs --params PARAMS names`.

Every cell depends on the same few dozen source files. dvc.lock would become many times longer if each cell named them all. So one
stage writes their hashes to a file in results/<profile>/inputs/, and the cells depend on that file.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.closure import ROOT, file_digests, source_files
from harness.config import load_params
from harness.errors import HarnessError, run_command, unknown_choice
from harness.files import atomic_path, sha256_file, write_text
from harness.names import check_name

CELL_STAGES = {"train": "pipelines.train", "evaluate": "pipelines.evaluate"}
REGISTRY = "baselines.attention"  # a cell depends on the mechanisms that it uses, not on the list of all of them


def main(argv: list[str] | None = None) -> None:
    """Writes one of the text files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", required=True, type=Path, help="the profile's params.yaml")
    parser.add_argument("what", choices=["names", *CELL_STAGES, "mechanisms", "statistics"])
    parser.add_argument("--data", help="the key of `evaluate` whose reference statistics are meant")
    args = parser.parse_args(argv)
    params = load_params(args.params)
    check_names(params)
    folder = Path("results") / params["profile"] / "inputs"
    if args.what == "names":
        from pipelines.profile import load_profile  # here: torch takes seconds to import, and the other files need none

        load_profile(args.params)  # reports errors in params.yaml before the first stage
        write_text(folder / "names", "Every name of a profile, dataset and cell is plain: letters, digits, - and _.\n")
    elif args.what == "mechanisms":
        write_mechanisms(folder / "mechanisms")
    elif args.what == "statistics":
        write_text(folder / "statistics" / check_name("data", args.data), statistics(params, args.data))
    else:
        write_text(folder / args.what, listing(cell_stage_files(args.what)))


def check_names(params: Mapping[str, Any]) -> None:
    """HarnessError for a name that cannot be part of a file name, a stage name and a shell command. DVC uses names in all three.

    Every cell also needs an entry in `rows`, because DVC has no optional parameters.
    """
    check_name("profile", params.get("profile"))
    for section, kind in (("data", "data"), ("cells", "cell"), ("rows", "cell"), ("evaluate", "data")):
        for name in params.get(section) or {}:
            check_name(kind, name)
    for name in params.get("cells") or {}:
        if name not in (params.get("rows") or {}):
            raise HarnessError(f"rows: no entry for the cell {name}; expected the table rows it fills; add `{name}: []` for none")


def cell_stage_files(stage: str) -> list[str]:
    """Source files that the stage depends on for every cell, apart from attention mechanisms."""
    return source_files(CELL_STAGES[stage], stops=[REGISTRY])


def mechanism_files(mechanism: type) -> list[str]:
    """Source files that a mechanism depends on."""
    return source_files(mechanism.__module__, stops=[REGISTRY])


def listing(files: list[str], root: Path = ROOT) -> str:
    """One line per file: sha256 and path, relative to `root`."""
    return "".join(f"{sha256}  {path}\n" for path, sha256 in file_digests(files, root).items())


def write_mechanisms(folder: Path) -> None:
    """Writes a listing for each mechanism in each role.

    A cell can use one mechanism in both roles, and DVC does not accept the same dependency twice.
    """
    from baselines.attention import ATTENTIONS  # torch takes seconds to import

    with atomic_path(folder) as fresh:
        for name, mechanism in ATTENTIONS.items():
            for role in ("generator", "discriminator"):
                write_text(fresh / role / check_name("attention", name), listing(mechanism_files(mechanism)))
        write_text(fresh / "discriminator" / "conv", listing(source_files("lada.discriminator")))


def statistics(params: Mapping[str, Any], data: str) -> str:
    """The sha256 and path of the reference statistics that `evaluate` names for a dataset, or a line that says there are none."""
    entries = params.get("evaluate") or {}
    if data not in entries:
        raise unknown_choice("dataset in evaluate", data, entries)
    path = entries[data].get("statistics")
    if path is None:
        return "no reference statistics\n"
    if not Path(path).is_file():
        raise HarnessError(f"evaluate.{data}.statistics: given {path}, which is no file; put it there or correct the path")
    return f"{sha256_file(path)}  {path}\n"


if __name__ == "__main__":
    run_command(main)
