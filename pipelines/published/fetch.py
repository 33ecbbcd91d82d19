"""Stage: a published checkpoint as safetensors. `python -m pipelines.published.fetch --params PARAMS --checkpoint cifar10`.

The files come from the hub, resumed where a connection broke, or lie in a folder that the user has. The authors publish no
checksums: the first use writes down each file's sha256, and any other content is refused from then on. Missing weights end the
stage well, with a line that says so: what else is there can still be scored.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from harness.checkpoints.bundle import bundle_files
from harness.checkpoints.folder import latest_checkpoint, read_object
from harness.data.published_files import fetch_alone
from harness.errors import HarnessError, run_command, unknown_choice
from harness.files import atomic_path, sha256_file, write_json, write_text
from harness.locks import InUse, output_lock
from pipelines.profile import Profile, load_profile, profile_argument
from pipelines.published.convert import CONFIG, convert_folder
from pipelines.published.params import CheckpointParams

CHECKPOINTS = "best-training-checkpoints"
LACKING = "lacking.txt"  # in the place of weights that are not there
MAX_BYTES = 2 << 30  # of one file; the largest published one has under 600 MB
HUB = "https://huggingface.co/milmor/LadaGAN"


def main(argv: list[str] | None = None) -> None:
    """Fetches and converts one checkpoint, or says what is missing."""
    args = checkpoint_arguments(__doc__, argv)
    profile = load_profile(args.params)
    params, weights = checkpoint(profile, args.checkpoint), weights_path(profile, args.checkpoint)
    with output_lock(weights):
        try:
            print(f"{weights}: {obtain(profile, args.checkpoint)}")
        except Missing as missing:
            with atomic_path(weights) as temporary:
                write_text(temporary / LACKING, f"{missing}\n")
            known = known_path(profile, args.checkpoint)
            if not known.is_file():
                write_json(known, {})
            print(f"lacking, {args.checkpoint}: {missing} ({params.folder} is scored when it is there)", file=sys.stderr)


def checkpoint_arguments(description: str | None, argv: list[str] | None) -> argparse.Namespace:
    """The command line of a stage that works on one checkpoint."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    profile_argument(parser)
    parser.add_argument("--checkpoint", required=True, help="a key of its `checkpoints`")
    return parser.parse_args(argv)


def checkpoint(profile: Profile, key: str) -> CheckpointParams:
    """The entry `key` of `checkpoints`. HarnessError for an unknown key."""
    if key not in profile.checkpoints:
        raise unknown_choice("checkpoint", key, profile.checkpoints)
    return profile.checkpoints[key]


def weights_path(profile: Profile, key: str) -> Path:
    """The folder of the converted weights."""
    return profile.results / "weights" / key


def known_path(profile: Profile, key: str) -> Path:
    """The file with the hashes of the published files. It is written on first use."""
    return profile.results / "fetched" / f"{key}.json"


class Missing(HarnessError):
    """The weights are missing and could not be fetched."""


def obtain(profile: Profile, key: str) -> str:
    """Has the checkpoint's converted weights in their place; returns a sentence about them.

    Missing where the files are not to be had; HarnessError for files that are not those of the first use, or no checkpoint.
    """
    params, known, weights = checkpoint(profile, key), read_known(known_path(profile, key)), weights_path(profile, key)
    folder = Path(params.folder)
    if known and (weights / CONFIG).is_file() and not folder.is_dir():
        return "converted before, and kept"
    record = known_path(profile, key)
    found = {name: sha256_file(folder / name) for name in download(params, known, record)}
    check_known(found, known, folder, record)
    facts = convert_folder(folder, weights)
    write_json(record, found)
    return f"{facts['checkpoint']} of {folder}, {'as on first use' if known else 'its sha256 written down on this first use'}"


def download(params: CheckpointParams, known: dict[str, str], record: Path) -> list[str]:
    """Names of the checkpoint's files in its folder. Fetches missing ones. `known` are the hashes in the file `record`."""
    folder = Path(params.folder)
    text = [_file(params, name, known, record) for name in (CONFIG, f"{CHECKPOINTS}/checkpoint")]
    prefix = latest_checkpoint(folder / CHECKPOINTS)
    return text + [_file(params, path.relative_to(folder).as_posix(), known, record) for path in bundle_files(prefix)]


def _file(params: CheckpointParams, name: str, known: dict[str, str], record: Path) -> str:
    path = Path(params.folder) / name
    if path.is_file():
        return name
    if params.url is None:
        raise Missing(f"no {name} in {params.folder}; the weights are published at {HUB}; put that folder there, or set its url")
    checksum = f"sha256:{known[name]}" if name in known else None
    try:
        fetch_alone(f"{params.url}/{name}", path, checksum, MAX_BYTES)
    except InUse:
        raise
    except HarnessError as error:
        if "could not be downloaded" in str(error):
            raise Missing(str(error)) from error
        raise HarnessError(f"{error}, or delete {record}, which has the sha256 of the first use, to begin anew") from error
    return name


def check_known(found: dict[str, str], known: dict[str, str], folder: Path, record: Path) -> None:
    """HarnessError if files differ from those of the first use, whose hashes are in the file `record`."""
    for name in sorted(found.keys() | known.keys()) if known else ():
        if found.get(name) != known.get(name):
            given = f"sha256 {found[name]}" if name in found else "no such file"
            expected = f"expected {known.get(name, 'none')}, written down in {record} on first use"
            raise HarnessError(f"{folder / name}: given {given}; {expected}; get it again, or delete that record to begin anew")


def read_known(path: Path) -> dict[str, str]:
    """{name: sha256} of the first use. Empty before it."""
    if not path.is_file():
        return {}
    found: dict[str, Any] = read_object(path)
    if not all(isinstance(value, str) for value in found.values()):
        raise HarnessError(f"{path}: given other values than hashes; expected the sha256 of each file; restore it from Git")
    return found


if __name__ == "__main__":
    run_command(main)
