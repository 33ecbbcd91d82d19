"""A trained cell as a model folder of the Hugging Face hub: `python -m harness.publish CELL --to DIR`.

DIR gets model.safetensors (the very file that the record's scores are of), config.json, a model card README.md with the scores
and their verdicts, and samples.png. `lada.hub.Generator.from_pretrained(DIR)` loads it. Nothing is uploaded without --push.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.device import use_threads
from harness.errors import HarnessError, run_command
from harness.files import atomic_path, write_json, write_text
from harness.images import image_grid
from harness.records.models import ScoreRecord
from harness.records.store import Store, load_store
from pipelines.commands.sample import facts
from pipelines.model_card import SAMPLES, figures, model_card
from pipelines.published.convert import ATTENTION, CONFIG, MODEL, load_generator
from pipelines.seeded import SeededPictures
from pipelines.weights import AVERAGE, Weights, read_run, run_folder

CARD = "README.md"
FILES = {MODEL, CONFIG, CARD, SAMPLES}
SEEDS = range(64)  # of the sample picture


def main(argv: list[str] | None = None) -> None:
    """Writes the folder, loads it back, and uploads it if asked to."""
    args = parse(argv)
    check_place(args.to, args.force)
    run = run_folder(args.cell, args.profile)
    store = load_store(run.parent.parent.name, run.parent.parent.parent)
    weights = read_run(run)
    record = record_of(store, args.cell, weights)
    use_threads(1)
    with atomic_path(args.to) as temporary:
        temporary.mkdir()
        write_model(store, record, run, weights, temporary)
        check_model(temporary, record, weights, len(figures(store, record)))
    print(f"{args.to}: {', '.join(sorted(FILES))}; loaded back bit for bit, {len(figures(store, record))} scores in its card")
    if args.push:
        print(f"pushed: {push(args.to, args.push)}")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command's arguments."""
    description, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m harness.publish", description=description, epilog=more)
    parser.add_argument("cell", metavar="CELL", help="a cell that was trained and scored here")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder to write")
    parser.add_argument("--profile", help="of the cell, where several profiles trained one of this name")
    parser.add_argument("--force", action="store_true", help="replace a folder that this command wrote")
    help_push = (
        "then upload it, with the token of `hf auth login` or HF_TOKEN; a repository that does not exist yet is made public"
    )
    parser.add_argument("--push", metavar="USER/NAME", help=help_push)
    return parser.parse_args(argv)


def check_place(folder: Path, force: bool) -> None:
    """HarnessError unless the folder may be written."""
    if folder.is_dir() and any(entry.name not in FILES for entry in folder.iterdir()):
        raise HarnessError(f"--to: {folder} holds files that this command did not write; name another place")
    if folder.exists() and not folder.is_dir():
        raise HarnessError(f"--to: {folder} is a file; expected the name of a folder")
    if folder.exists() and not force:
        raise HarnessError(f"--to: {folder} exists; name another place, or replace it with --force")


def record_of(store: Store, cell: str, weights: Weights) -> ScoreRecord:
    """The cell's record. HarnessError unless it belongs to these weights and has scores."""
    record, advice = store.scores.get(cell), f"run the evaluate stage of {cell}"
    if record is None:
        raise HarnessError(f"{cell} has no score record in {store.folder / 'records'}; {advice} first")
    if record.status != "ok" or not record.metrics:
        raise HarnessError(f"{cell}: its training {record.status}, so it has no scores; expected a cell that can be published")
    if record.weights_sha256 != weights.sha256:
        raise HarnessError(
            f"the record of {cell} is of other weights than {store.folder / 'runs' / cell / AVERAGE}; {advice} again"
        )
    return record


def write_model(store: Store, record: ScoreRecord, run: Path, weights: Weights, folder: Path) -> None:
    """Writes the four files."""
    shutil.copyfile(run / AVERAGE, folder / MODEL)
    write_json(folder / CONFIG, {ATTENTION: record.config["attention"], **record.config["generator"]})
    pictures = SeededPictures(weights.generator, SEEDS)
    scale = max(1, 32 // pictures.shape[-1])
    image_grid(pictures[:], folder / SAMPLES, scale=scale, text={"made_by": facts(weights, None)(SEEDS)})
    write_text(folder / CARD, model_card(store, record))


def check_model(folder: Path, record: ScoreRecord, weights: Weights, scores: int) -> None:
    """HarnessError unless the folder can be loaded with the same bits in its weights, and the Hub can read its card."""
    from huggingface_hub import ModelCard

    ours, theirs = weights.generator.state_dict(), load_generator(folder).state_dict()
    card = ModelCard.load(folder / CARD)
    if any(not theirs[name].equal(tensor) for name, tensor in ours.items()) or len(card.data.eval_results or []) != scores:
        raise HarnessError(
            f"{record.cell}: the folder does not load back as it was written; free memory and disk, then try again"
        )


def push(folder: Path, repository: str, api: Any = None) -> str:
    """Uploads the folder's four files to a repository of the Hub; returns the commit's address.

    api: a huggingface_hub.HfApi, by default with the user's own token. HarnessError for whatever it raises."""
    try:
        if api is None:
            from huggingface_hub import HfApi

            api = HfApi()
        made = api.create_repo(repository, repo_type="model", exist_ok=True)
        message = (
            f"Publish {json.loads((folder / CONFIG).read_text(encoding='utf-8'))[ATTENTION]} generator of the LadaGAN harness"
        )
        done = api.upload_folder(
            repo_id=made.repo_id, folder_path=folder, repo_type="model", commit_message=message, allow_patterns=sorted(FILES)
        )
    except Exception as error:  # the client raises its own errors, those of the network and of the operating system
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise HarnessError(
            f"--push {repository}: {said}; {folder} is complete; log in with `hf auth login`, then run "
            f"`hf upload {repository} {folder}`"
        ) from error
    return str(done)


if __name__ == "__main__":
    run_command(main)
