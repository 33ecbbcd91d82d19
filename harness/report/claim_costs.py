"""Tests claims about costs. Costs are counted, so the verdict is the same on every machine.

Each function gives (whether the claim holds, evidence), or None where a record is missing.
"""

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.paper.claims import Claim
from harness.records.store import Store
from harness.report.cost_cells import counted

Decision = tuple[bool, str] | None


def ratio(claim: Claim, store: Store) -> Decision:
    """Tests that `network` has the stated share of the cost of each network in `of`."""
    pairs = [(other, share, _per(store, claim.network, other)) for other, share in claim.of.items()]
    if any(found is None for _, _, found in pairs):
        return None
    holds = all(abs(found - share) <= claim.margin * share for _, share, found in pairs if found is not None)
    said = "; ".join(f"{found:.1%} of {other}" for other, _, found in pairs)
    return holds, f"{said} (stated within {claim.margin:.0%})"


def _per(store: Store, network: str, other: str) -> float | None:
    mine, theirs = _cost(store, network, "flops"), _cost(store, other, "flops")
    return mine / theirs if mine is not None and theirs else None


def _cost(store: Store, network: str, quantity: str) -> float | None:
    return counted(store.costs[network], quantity) if network in store.costs else None


def least(claim: Claim, store: Store) -> Decision:
    """Tests that `network` costs less than every other network, in every quantity and at every resolution."""
    compared, beaten = 0, []
    for resolution in claim.resolutions:
        network = claim.network.format(resolution=resolution)
        for quantity in claim.quantities:
            mine = _cost(store, network, quantity)
            if mine is None:
                return None
            for template in claim.of:
                other = template.format(resolution=resolution)
                theirs = _cost(store, other, quantity)
                compared += theirs is not None
                beaten += [f"{quantity} of {other}"] if theirs is not None and theirs <= mine else []
    if not compared:
        return None
    return (
        not beaten,
        f"less than in {compared} of {compared} comparisons" if not beaten else f"not less than {', '.join(beaten)}",
    )


def spread(claim: Claim, store: Store) -> Decision:
    """Tests that the most expensive of `networks` costs at most `factor` times the cheapest, in every quantity."""
    found = {}
    for quantity in claim.quantities:
        costs = [_cost(store, network, quantity) for network in claim.networks]
        if any(cost is None for cost in costs):
            return None
        known = [cost for cost in costs if cost is not None]
        found[quantity] = max(known) / min(known)
    said = ", ".join(f"{quantity} {factor:.3f}" for quantity, factor in found.items())
    return max(found.values()) <= claim.factor, f"largest over smallest: {said} (at most {claim.factor:g})"


def dearer(claim: Claim, store: Store) -> Decision:
    """Tests that an image by each network in `of`, over all sampling steps, costs `factor` times one by `network` or more."""
    found = {}
    for resolution in claim.resolutions:
        network = claim.network.format(resolution=resolution)
        for other in (template.format(resolution=resolution) for template in claim.of):
            per = _per(store, network, other)
            if per is not None:
                found[other] = store.costs[other].steps_per_image / per
    if not found:
        return None
    said = ", ".join(f"{other} {factor:,.0f} times" for other, factor in found.items())
    return min(found.values()) >= claim.factor, f"{said} (at least {claim.factor:g} times)"


def linear(claim: Claim, store: Store) -> Decision:
    """Tests that multiply-accumulates grow almost linearly with the number of tokens, in the attention benchmark."""
    curves: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row in _laboratory(store.folder.parent / "bench"):
        if row["mechanism"] == claim.mechanism and row["macs"]:
            curves.setdefault((row["mode"], row["dim"]), []).append((int(row["num_tokens"]), int(row["macs"])))
    powers = [_power(min(points), max(points)) for points in curves.values() if len(set(points)) > 1]
    if not powers:
        return None
    worst = max(powers, key=lambda power: abs(power - 1))
    most = max(tokens for points in curves.values() for tokens, _ in points)
    return abs(worst - 1) <= claim.margin, f"power {worst:.3f} up to {most:,} tokens (1 within {claim.margin:g})"


def _power(first: tuple[int, int], last: tuple[int, int]) -> float:
    return math.log(last[1] / first[1]) / math.log(last[0] / first[0])


def _laboratory(folder: Path) -> Iterator[dict[str, str]]:
    """Rows of the attention benchmark on the first device. Counts are the same on every device."""
    for path in sorted(folder.glob("*/attention.csv"))[:1]:
        with path.open(encoding="utf-8", newline="") as handle:
            yield from csv.DictReader(handle)


COSTS: dict[str, Callable[[Claim, Store], Decision]] = {
    "ratio": ratio,
    "least": least,
    "spread": spread,
    "dearer": dearer,
    "linear": linear,
}
