"""A profile that adds seeds to another's cells. Its tables cover both; the other's report does not change."""

import csv
import re
from pathlib import Path

import pytest

from harness.config import load_params
from harness.errors import HarnessError
from harness.records.store import load_store
from harness.report.__main__ import report
from harness.verify.checks import check_profile
from pipelines.commands.replicates import REPLICATED, replicated
from pipelines.profile import load_profile


def ask(profile, text):
    path = Path("pipelines") / profile / "params.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


@pytest.fixture
def both(add_score):
    """digits with one cell, digits-full with its seeds 1 and 2."""
    ask("digits", 'profile: digits\nrows:\n  t: ["1:16"]\ncells:\n  t: {}\n')
    cells = "".join(f"  t-seed{seed}: {{seed: {seed}}}\n" for seed in (1, 2))
    rows = "".join(f'  t-seed{seed}: ["1:16"]\n' for seed in (1, 2))
    ask("digits-full", f"profile: digits-full\nadds_to: digits\nrows:\n{rows}cells:\n{cells}")
    train = {"nimg": 3200, "lr_g": 2e-4}
    config = {"attention": "lada", "discriminator_attention": "lada"}
    add_score("t", ["1:16"], 20.0, config={**config, "train": {**train, "seed": 0}})
    for seed in (1, 2):
        made = {**config, "train": {**train, "seed": seed}}
        add_score(f"t-seed{seed}", ["1:16"], 20.0 + seed, profile="digits-full", seed=seed, config=made)


def test_the_table_has_the_mean_over_the_seeds_of_both(both):
    for profile in ("digits", "digits-full"):
        report(profile)
    rows = {}
    for profile in ("digits", "digits-full"):
        with open(f"results/{profile}/tables/table_1.csv", newline="") as file:
            rows[profile] = list(csv.DictReader(file))[15]
    assert rows["digits-full"]["seeds"] == "3"
    assert rows["digits-full"]["records"] == "t t-seed1 t-seed2"
    assert float(rows["digits-full"]["FID, proxy"]) == 21.0
    assert (rows["digits"]["seeds"], float(rows["digits"]["FID, proxy"])) == ("1", 20.0)
    page = Path("results/digits-full/report.html").read_text()
    assert 'src="../digits/samples/t.png"' in page
    assert check_profile("digits-full")[0] == []


def test_a_record_that_is_not_what_its_own_profile_asks_for_is_found_in_both(both):
    path = Path("pipelines/digits/params.yaml")
    path.write_text(path.read_text() + "train: {nimg: 999}\n")
    assert list(load_store("digits-full").mixture()) == ["t"]


@pytest.mark.parametrize("base", ["digits-full", "other"])
def test_a_chain_of_profiles_is_refused(both, base):
    ask("other", "profile: other\nadds_to: digits\n")
    path = Path("pipelines/digits-full/params.yaml")
    path.write_text(path.read_text().replace("adds_to: digits", f"adds_to: {base}"))
    with pytest.raises(HarnessError, match=r"adds_to: given .*expected a profile that adds to none"):
        load_store("digits-full")


def test_every_cell_of_the_default_profile_has_five_seeds():
    root = Path(__file__).parents[2]
    (base, seeds) = REPLICATED["digits-full"]
    whole, more = (load_profile(root / "pipelines" / name / "params.yaml") for name in (base, "digits-full"))
    assert seeds == 4
    assert len(more.cells) == 4 * len(whole.cells)
    for name, cell in more.cells.items():
        seed = int(re.fullmatch(r".*-seed([1-4])", name)[1])
        first = whole.cells[name.removesuffix(f"-seed{seed}")]
        assert cell.train.seed == seed
        assert cell.rows == first.rows
        same = {**first.config(), "train": {**first.config()["train"], "seed": seed}}
        assert cell.config() == same


def test_a_replicate_is_not_repeated(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text('profile: p\nrows: {a: ["1:1"], b: []}\ncells: {a: {data: d}, b: {seed: 3}}\n')
    text = replicated("more", path, 2)
    (tmp_path / "more.yaml").write_text(text)
    params = load_params(tmp_path / "more.yaml")
    assert params["cells"] == {"a-seed1": {"data": "d", "seed": 1}, "a-seed2": {"data": "d", "seed": 2}}
    assert params["rows"] == {"a-seed1": ["1:1"], "a-seed2": ["1:1"]}
    assert params["adds_to"] == "p"
