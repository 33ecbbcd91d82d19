"""Gives a verdict for every claim in the paper's prose, and writes claims.csv, claims.md and claims.tex.

Tests are one-sided over seeds, for the claim and for its opposite, Holm-corrected over all of them at 5%. One seed decides no
ordering. On another dataset than the paper's a verdict is about that dataset: one that fails there is a finding, not a fault.
"""

from collections import Counter
from dataclasses import dataclass

from harness.paper.claims import Claim, claims
from harness.records.models import ScoreRecord
from harness.records.store import Store
from harness.report.claim_costs import COSTS
from harness.report.claim_runs import NOT_RUN, RUNS, UNDECIDED, Finding
from harness.report.contrasts import LEVEL, holm
from harness.report.gradients import HALF, NEIGHBOURS, SETTLED, SPIKE
from harness.report.text import grid_files

HOLDS, FAILS = "holds", "does not hold"
VERDICTS = (HOLDS, FAILS, UNDECIDED, NOT_RUN)
TITLE = "What the paper says in prose, as comparisons"
DEFINITIONS = (
    f"Gradient norm of a run: the median of its curve after {HALF:.0%} of the images.",
    f"Spike: a row of the curve, after {SETTLED:.0%} of the images, above {SPIKE:g} times the median of the {NEIGHBOURS} rows "
    "on either side.",
    f"Tests: one-sided over seeds (Welch's contrast of means, Fisher's exact test), for the claim and for its opposite, "
    f"Holm-corrected over all of them at {LEVEL:.0%}. A conjunction holds where its weakest part does; that part is shown, "
    "with its 90% interval. One seed decides nothing.",
    "Margins and factors were stated before the runs (harness/paper/claims.yaml). A claim that fails on another dataset than the "
    "paper's is a finding about that dataset, not a fault of the paper.",
)


@dataclass(frozen=True)
class Outcome:
    """The verdict on one claim."""

    claim: Claim
    verdict: str
    evidence: str  # in words
    on: str = ""  # datasets of the runs; empty for counts, which are the same everywhere
    seeds: int = 0
    interval: str = "-"  # of the tested quantity
    p_value: float | None = None

    @property
    def said(self) -> str:
        """`holds`, or `undecided on digits`."""
        return f"{self.verdict} on {self.on}" if self.on and self.verdict != NOT_RUN else self.verdict


def decide(store: Store) -> list[Outcome]:
    """The outcome of every claim, in the order of claims.yaml."""
    found = {claim.id: RUNS[claim.kind](claim, store) for claim in claims() if claim.kind in RUNS}
    tested = {name: finding for name, finding in found.items() if not finding.verdict}
    adjusted = holm([p for finding in tested.values() for p in (finding.p_holds, finding.p_fails)])
    pairs = dict(zip(tested, zip(adjusted[::2], adjusted[1::2], strict=True), strict=True))
    return [
        _of_runs(claim, found[claim.id], pairs.get(claim.id)) if claim.kind in RUNS else _of_costs(claim, store)
        for claim in claims()
    ]


def _of_costs(claim: Claim, store: Store) -> Outcome:
    decision = COSTS[claim.kind](claim, store)
    if decision is None:
        return Outcome(claim, NOT_RUN, "a network of this comparison was not counted")
    holds, evidence = decision
    return Outcome(claim, HOLDS if holds else FAILS, f"{evidence}. {claim.note}" if claim.note else evidence)


def _of_runs(claim: Claim, finding: Finding, adjusted: tuple[float, float] | None) -> Outcome:
    verdict, p_value = finding.verdict, None
    if adjusted is not None:
        holds, fails = adjusted
        verdict = HOLDS if holds < LEVEL else FAILS if fails < LEVEL else UNDECIDED
        p_value = fails if verdict == FAILS else holds
    evidence = f"{finding.evidence}; one seed" if finding.seeds == 1 else finding.evidence
    return Outcome(claim, verdict, evidence, _data(finding.runs), finding.seeds, finding.interval, p_value)


def _data(runs: tuple[ScoreRecord, ...]) -> str:
    """Names of the runs' datasets. Empty if every run is comparable with the paper."""
    if all(record.comparability.level == "paper" for record in runs):
        return ""
    return " and ".join(dict.fromkeys(record.data.name for record in runs))


def claim_rows(outcomes: list[Outcome]) -> list[dict[str, str]]:
    """One row of text per claim."""
    return [
        {
            "claim": outcome.claim.id,
            "section": outcome.claim.section,
            "statement": outcome.claim.statement,
            "verdict": outcome.said,
            "evidence": outcome.evidence,
            "90% interval": outcome.interval,
            "seeds": str(outcome.seeds) if outcome.seeds else "-",
            "p (Holm)": "-" if outcome.p_value is None else f"{outcome.p_value:.2g}",
        }
        for outcome in outcomes
    ]


def claim_summary(outcomes: list[Outcome]) -> str:
    """A summary such as `31 claims: 8 hold, 3 do not hold, 19 undecided, 1 not run`."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    words = {HOLDS: "hold", FAILS: "do not hold", UNDECIDED: UNDECIDED, NOT_RUN: NOT_RUN}
    return f"{len(outcomes)} claims: " + ", ".join(f"{counts[verdict]} {word}" for verdict, word in words.items())


def claim_files(outcomes: list[Outcome]) -> dict[str, str]:
    """{file name: text} of the claims. They contain no measured time, so they repeat."""
    files = grid_files("claims", f"{TITLE}. {claim_summary(outcomes)}", claim_rows(outcomes))
    files["claims.md"] += "\n" + "".join(f"- {line}\n" for line in DEFINITIONS)
    return files
