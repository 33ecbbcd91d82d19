"""Summarises the attention benchmark: exponents, crossovers and speed-ups."""

from typing import Any

from harness.cost.probe import FORWARD
from harness.cost.scaling import Point, crossover, fit_exponent

FAST, RIVALS, COMPARED_AT, COMPARED_DIM = "lada-fused", ("lada", "dot-product-fused"), (1024, 16384), 64


def summarise(points: list[Point]) -> dict:
    """Fitted exponents of N, crossovers with Lada, and the speed-ups of its fused form."""
    curves: dict[tuple[int, str], dict[str, dict[int, Point]]] = {}
    for p in points:
        if p.seconds:
            curves.setdefault((p.dim, p.mode), {}).setdefault(p.mechanism, {})[p.num_tokens] = p
    exponents, crossovers = [], []
    for (dim, mode), by_name in curves.items():
        seconds = {name: {n: p.seconds for n, p in curve.items() if p.seconds} for name, curve in by_name.items()}
        for name, curve in by_name.items():
            common = {"mechanism": name, "mode": mode, "dim": dim}
            time_slope = fit_exponent(list(curve), list(seconds[name].values()))
            macs_slope = fit_exponent(list(curve), [p.macs for p in curve.values()])
            exponents.append(common | {"seconds": time_slope, "macs": macs_slope})
            if name != "lada" and "lada" in seconds:
                crossovers.append(common | {"against": "lada", "num_tokens": crossover(seconds["lada"], seconds[name])})
    return {"speedups": speedups(curves.get((COMPARED_DIM, FORWARD), {})), "exponents": exponents, "crossovers": crossovers}


def speedups(curves: dict[str, dict[int, Point]]) -> list[dict]:
    """How many times as fast the fused Lada's forward pass is. The interval takes the worst ends of both medians' intervals."""
    found = []
    for rival in RIVALS:
        for n in COMPARED_AT:
            fast: Any = curves.get(FAST, {}).get(n)
            slow: Any = curves.get(rival, {}).get(n)  # both are measured, because curves contain only measured points
            if fast and slow:
                ratios = {"ratio": slow.seconds / fast.seconds, "low": slow.low / fast.high, "high": slow.high / fast.low}
                found.append({"of": FAST, "over": rival, "dim": COMPARED_DIM, "num_tokens": n} | ratios)
    return found
