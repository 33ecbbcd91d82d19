"""Trainings that blow up, and weights that are no numbers: never the scores of black pictures."""

import random
from contextlib import chdir
from functools import partial
from pathlib import Path

import torch
from children import run
from safetensors.torch import load_file
from stages import CELL, PARAMS, check_said, sound_project
from tally import Tally

from harness.records.models import Run, ScoreRecord
from harness.records.record import read_as
from pipelines import evaluate, train
from pipelines.profile import load_profile


def blown_up(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Senseless learning rates: the last update, which no loss sees, is looked at as well."""
    tally, rng, root, said = Tally("blown-up trainings"), random.Random(seed), scratch / "blown", scratch / "said.txt"
    for number in range(tries):
        sound_project().before("train", root)
        key = rng.choice(("lr_g", "lr_g", "lr_d"))
        settings = [f"train.{key}=1.0e+{rng.randrange(2, 38)}", f"train.nimg={8 * rng.randrange(1, 5)}", "train.snapshots=1"]
        words = [*PARAMS, "--cell", CELL, "--set", *settings]
        what = " ".join(settings)
        tally.tried += 1
        trained = run(root, partial(train.main, words), said)
        check_said(tally, what, said)
        if trained:
            tally.refused += trained == 2
            if trained != 2:
                tally.fail(f"{what}: training ended with {trained}")
            continue
        scored = run(root, partial(evaluate.main, words), said)
        _check(tally, f"{what} (try {number})", root, scored, said)
        check_said(tally, what, said)
    return [tally]


def _finite(root: Path, weights: Path) -> bool:
    """Whether the weights and the images that they make are numbers, without asking the harness."""
    with chdir(root):
        cell = load_profile(PARAMS[1]).cell(CELL)
    generator, tensors = cell.build()[0].eval(), load_file(weights)
    generator.load_state_dict(tensors)
    with torch.inference_mode():
        images = generator(torch.randn(64, cell.generator.noise_dim))
    return all(bool(tensor.isfinite().all()) for tensor in (images, *tensors.values()))


def _check(tally: Tally, what: str, root: Path, scored: int, said: Path) -> None:
    """A run whose images are no numbers is called diverged, and its scores are none."""
    (path,) = root.glob("results/digits-trial/runs/*/run.json")
    status, finite = read_as(Run, path).status, _finite(root, path.with_name("g_ema.safetensors"))
    if status == "ok" and not finite:
        tally.fail(f"{what}: its images are no numbers and it is called ok")
    if scored not in (0, 2):
        tally.fail(f"{what}: scoring ended with {scored}: {said.read_text(errors='replace')[-300:]!r}")
    records = list(root.glob("results/digits-trial/records/*.json"))
    if scored == 0 and len(records) != 1:
        tally.fail(f"{what}: scored without a record")
    for record in records:
        found = read_as(ScoreRecord, record)
        if found.status != status or (found.metrics and not finite):
            tally.fail(f"{what}: {found.status} with the scores {found.metrics}")
    tally.refused += status == "diverged" or scored == 2
