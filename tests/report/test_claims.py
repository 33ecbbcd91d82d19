"""Claims: costs are decided on every machine, orderings only over seeds, and all tests are corrected for their number."""

import csv

import pytest

from harness.metrics.metric import METRICS
from harness.paper import printed_tables
from harness.paper.claims import Claim, Contrast, claims
from harness.records.store import load_store
from harness.report.claim_runs import contrasts, diverges, hours, spiking
from harness.report.claims import claim_files, claim_rows, claim_summary, decide
from harness.report.gradients import norm, spikes

FIVE = (0.96, 0.98, 1.0, 1.02, 1.04)


def claim(kind, **fields):
    return Claim(id="c", section="IV", statement="s", kind=kind, **fields)


def with_seeds(add_score, row, value, spread=FIVE, **fields):
    for seed, factor in enumerate(spread):
        add_score(f"r{row.replace(':', '-')}-s{seed}", [row], value * factor, seed=seed, **fields)


def curve(tmp_path, values):
    path = tmp_path / "curve.csv"
    path.write_text("nimg,grad_norm_d\n" + "".join(f"{100 * (k + 1)},{value}\n" for k, value in enumerate(values)))
    return path.name


def test_norm_and_spike_in_numbers(add_score, tmp_path):
    values = [9.0, 9.0, 1.0, 1.0, 1.0, 1.0, 3.1, 1.0, 1.0, 2.0]  # nimg 100 ... 1000
    record = add_score("x", ["1:1"], curves=curve(tmp_path, values))
    assert norm(record, "grad_norm_d") == 1.0  # of 3.1, 1, 1, 2 and 1: the rows after 500 images
    assert spikes(record, "grad_norm_d") == 1  # 3.1 against 1; the first rows are warm-up, 2.0 is no spike
    assert norm(record, "grad_norm_g") is None
    assert spikes(record, "grad_norm_g") is None


def test_an_ordering_holds_fails_or_stays_open(add_score):
    with_seeds(add_score, "1:1", 30.0)
    with_seeds(add_score, "1:2", 20.0)
    store = load_store("digits")
    found = contrasts(claim("contrasts", contrasts=[Contrast(rows={"1:1": 1, "1:2": -1})]), store)
    assert found.evidence == "1:1 over 1:2, above 1: 1.50"
    assert found.seeds == 5
    assert found.p_holds < 1e-4 < 0.9 < found.p_fails
    low, high = map(float, found.interval.split(" to "))
    assert low < 1.5 < high
    reverse = contrasts(claim("contrasts", contrasts=[Contrast(rows={"1:2": 1, "1:1": -1})]), store)
    assert reverse.p_fails == found.p_holds
    much = contrasts(claim("contrasts", contrasts=[Contrast(rows={"1:1": 1, "1:2": -1}, above=1.5)]), store)
    assert 0.4 < much.p_holds < 0.6


def test_a_conjunction_is_as_strong_as_its_weakest_part(add_score):
    for row, value in (("1:1", 30.0), ("1:2", 20.0), ("1:3", 29.9)):
        with_seeds(add_score, row, value)
    parts = [Contrast(rows={"1:1": 1, "1:2": -1}), Contrast(rows={"1:1": 1, "1:3": -1})]
    found = contrasts(claim("contrasts", contrasts=parts), load_store("digits"))
    assert found.evidence.startswith("1:1 over 1:3")
    assert found.p_holds > 0.3


def test_one_seed_a_missing_row_and_a_diverged_run_decide_nothing(add_score):
    add_score("a", ["1:1"], 30.0)
    add_score("b", ["1:2"], 20.0)
    add_score("c", ["1:4"], metrics={}, status="diverged", diverged_step=3)
    store = load_store("digits")
    one = contrasts(claim("contrasts", contrasts=[Contrast(rows={"1:1": 1, "1:2": -1})]), store)
    assert (one.verdict, one.seeds, one.interval) == ("undecided", 1, "-")
    gone = contrasts(claim("contrasts", contrasts=[Contrast(rows={"1:1": 1, "1:3": -1})]), store)
    assert (gone.verdict, gone.evidence) == ("not run", "no run of row 1:3")
    diverged = contrasts(claim("contrasts", contrasts=[Contrast(rows={"1:1": 1, "1:4": -1})]), store)
    assert (diverged.verdict, diverged.evidence) == ("undecided", "a run of row 1:4 diverged")


def test_a_difference_of_differences_in_raw_scores(add_score):
    for row, value in (("3:9", 50.0), ("3:6", 20.0), ("3:7", 12.0), ("3:4", 10.0)):
        with_seeds(add_score, row, value)
    entry = Contrast(rows={"3:9": 1, "3:6": -1, "3:7": -1, "3:4": 1}, above=0)
    found = contrasts(claim("contrasts", scale="raw", contrasts=[entry]), load_store("digits"))
    assert found.evidence == "3:9 and 3:4 over 3:6 and 3:7, above 0: 28.00"
    assert found.p_holds < 1e-4


def test_divergence_and_spikes(add_score, tmp_path):
    for seed in range(3):
        add_score(f"d{seed}", ["1:9"], seed=seed, metrics={}, status="diverged", diverged_step=3)
        add_score(f"s{seed}", ["1:1"], seed=seed, curves=curve(tmp_path, [1.0] * 8 + [9.0, 1.0]))
    for seed in range(3):
        add_score(f"n{seed}", ["1:3"], seed=seed)
    store = load_store("digits")
    assert diverges(claim("diverges", rows=["1:9"]), store).verdict == "holds"
    assert diverges(claim("diverges", rows=["1:3"]), store).verdict == "does not hold"
    assert diverges(claim("diverges", rows=["1:3", "1:9"]), store).verdict == "undecided"
    found = spiking(claim("spikes", quantity="grad_norm_d", rows=["1:1"], without=["1:3"]), store)
    assert found.evidence == "3 of 3 runs spike against 0 of 3"
    assert found.p_holds == pytest.approx(0.05)  # 1 of C(6, 3) tables


def test_training_time_is_said_on_the_stated_gpu_only(add_score):
    from tests.report.conftest import process

    fields = {"device": "RTX 3080 Ti", "rows": ["1:16"], "images": 68_096_000, "hours": 35}
    add_score("cpu", ["1:16"], profile="paper", level="paper", processes=[process(images=1000)])
    assert hours(claim("hours", **fields), load_store("paper")).verdict == "not run"
    fast = process(images=68_096, seconds=120.0, device="NVIDIA GeForce RTX 3080 Ti")  # 33.3 hours for all of them
    add_score("cpu", ["1:16"], profile="paper", level="paper", processes=[fast])
    assert hours(claim("hours", **fields), load_store("paper")).verdict == "holds"


def test_the_ledger_is_whole_and_names_only_what_is_there():
    ledger = claims()
    assert len(ledger) >= 25
    assert len({claim.id for claim in ledger}) == len(ledger)
    tables = printed_tables()
    for entry in ledger:
        rows = [*entry.rows, *entry.without, *(row for part in entry.contrasts for row in part.rows)]
        for number, index in (row.split(":") for row in rows):
            assert 1 <= int(index) <= len(tables[int(number)].rows), entry.id
        assert entry.quantity in {*METRICS, "grad_norm_g", "grad_norm_d"}
        assert all(part.above > 0 or entry.scale == "raw" for part in entry.contrasts)


def test_every_claim_has_a_verdict_with_what_it_rests_on(digits):
    outcomes = decide(load_store("digits"))
    rows = {row["claim"]: row for row in claim_rows(outcomes)}
    assert rows["lada-swin"]["verdict"] == "undecided on digits"
    assert rows["lada-swin"]["evidence"].endswith("one seed")
    assert rows["cost-128"]["verdict"] == "not run"
    assert rows["fastformer-discriminator"]["verdict"] == "undecided on digits"
    assert sum(int(part.split()[0]) for part in claim_summary(outcomes).split(": ")[1].split(", ")) == len(rows)
    files = claim_files(outcomes)
    assert set(files) == {"claims.csv", "claims.md", "claims.tex"}
    assert all(all(row.values()) for row in csv.DictReader(files["claims.csv"].splitlines()))


def test_five_seeds_decide_after_holms_correction(add_score):
    with_seeds(add_score, "1:1", 30.0)
    with_seeds(add_score, "1:2", 20.0)
    verdicts = {outcome.claim.id: outcome for outcome in decide(load_store("digits"))}
    assert verdicts["lada-swin"].said == "holds on digits"
    assert verdicts["lada-swin"].p_value < 0.05
