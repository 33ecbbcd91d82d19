import json
import subprocess
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.records.record import write_record
from harness.records.store import load_store
from harness.verify.against import against

OTHER = {"attention": "swin", "discriminator_attention": "conv", "train": {"nimg": 3200}}


def git(*words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True, capture_output=True)


@pytest.fixture
def committed(add_score, add_cost):
    """Two cells of one seed, committed; and a profile with five seeds of the first."""
    record = add_score("a", ["1:1"], 20.0)
    add_score("b", ["1:2"], 30.0, config=OTHER)
    add_cost("g32-lada-conv")
    for seed in range(5):
        config = record.config | {"train": record.config["train"] | {"seed": seed}}
        add_score(f"a-seed{seed}", ["1:1"], 20.0 + seed, profile="digits-full", seed=seed, config=config)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "results")
    return add_score


def compared(revision="HEAD"):
    return against("digits", revision, [load_store("digits"), load_store("digits-full")])


def test_a_clean_tree_repeats_itself(committed):
    outcome = compared()
    assert outcome.sentence.startswith("digits: 2 of 2 cells repeat the committed results bit for bit")
    assert (list(outcome.lines), outcome.sound) == ([], True)


def test_measured_time_may_differ(committed, add_cost):
    add_cost("g32-lada-conv", rates={"1": {"median": 1.0, "low": 1.0, "high": 1.0}})
    assert compared().sound


@pytest.mark.parametrize(("value", "words", "sound"), [(21.0, "inside the 95%", True), (80.0, "outside the 95%", False)])
def test_other_scores_are_held_against_their_interval_over_seeds(committed, value, words, sound):
    committed("a", ["1:1"], value)
    outcome = compared()
    assert "1 of 2 cells" in outcome.sentence
    (line,) = outcome.lines
    assert line.startswith("a: ")
    assert words in line
    assert f"-> {value:g}" in line
    assert outcome.sound is sound


def test_without_seeds_a_difference_is_never_within(committed):
    committed("b", ["1:2"], 30.1, config=OTHER)
    outcome = compared()
    assert "one seed has no interval" in outcome.lines[0]
    assert not outcome.sound


def test_one_byte_of_a_picture_or_a_curve_counts(committed):
    for path in (Path("results/digits/samples/a.png"), Path("results/digits/curves/b.csv")):
        path.write_bytes(path.read_bytes() + b" ")
    outcome = compared()
    assert "0 of 2 cells" in outcome.sentence
    assert list(outcome.lines) == ["a: samples differ", "b: curves differ"]
    assert not outcome.sound


def test_missing_new_and_differing_files_are_named(committed, add_cost):
    Path("results/digits/records/b.json").unlink()
    committed("c", ["1:3"])
    add_cost("g32-lada-conv", params=7)
    outcome = compared()
    assert list(outcome.lines) == [
        "b: not here",
        "results/digits/costs/g32-lada-conv.json: differs",
        "c: new, the committed results have no such cell",
    ]
    assert not outcome.sound


def test_facts_beside_the_scores_are_compared(committed):
    record = load_store("digits").scores["a"]
    write_record("results/digits/records/a.json", record.model_copy(update={"engine": "another"}))
    assert list(compared().lines) == ["a: engine differ"]


def test_revisions_that_cannot_be_compared(committed, tmp_path):
    with pytest.raises(HarnessError, match="expected a revision of this repository"):
        compared("nowhere")
    old = json.loads(Path("results/digits/records/a.json").read_text()) | {"schema_version": 1}
    Path("results/digits/records/a.json").write_text(json.dumps(old))
    git("commit", "-qam", "old")
    git("checkout", "-q", "HEAD~1", "--", "results")
    assert "schema_version is 1, expected 2" in compared().lines[0]
    git("rm", "-rqf", "--cached", "results/digits")
    git("commit", "-qm", "none")
    assert compared().sentence == "digits: no records in HEAD, nothing to compare"
