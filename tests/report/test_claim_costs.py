"""Claims about costs."""

from harness.paper.claims import Claim
from harness.records.store import load_store
from harness.report.claim_costs import dearer, least, linear, ratio, spread


def claim(kind, **fields):
    return Claim(id="c", section="IV", statement="s", kind=kind, **fields)


def test_costs_are_decided_by_counts(add_cost):
    add_cost("g64-lada-conv", gmacs=0.76, params=20_000_000, resolution=64)
    add_cost("stylegan2-64", gmacs=7.66, params=24_000_000, resolution=64)
    add_cost("ct-64", gmacs=40.0, params=300_000_000, resolution=64, steps_per_image=2)
    store = load_store("digits")
    of = {"stylegan2-64": 0.1}
    assert ratio(claim("ratio", network="g64-lada-conv", of=of, margin=0.05), store) == (
        True,
        "9.9% of stylegan2-64 (stated within 5%)",
    )
    assert ratio(claim("ratio", network="g64-lada-conv", of={"stylegan2-64": 0.089}, margin=0.05), store)[0] is False
    assert ratio(claim("ratio", network="g64-lada-conv", of={"gone": 0.1}), store) is None
    few = {
        "network": "g{resolution}-lada-conv",
        "of": {"stylegan2-{resolution}": 1.0, "ct-{resolution}": 1.0},
        "resolutions": [64],
    }
    assert least(claim("least", quantities=["params", "flops"], **few), store) == (True, "less than in 4 of 4 comparisons")
    assert dearer(claim("dearer", factor=100, **few | {"of": {"ct-{resolution}": 1.0}}), store)[0] is True
    assert dearer(claim("dearer", factor=106, **few | {"of": {"ct-{resolution}": 1.0}}), store)[0] is False
    alike = spread(claim("spread", networks=["g64-lada-conv", "stylegan2-64"], quantities=["params"], factor=1.25), store)
    assert alike == (True, "largest over smallest: params 1.200 (at most 1.25)")


def test_linear_cost_is_read_from_the_attention_curves(digits):
    bench = digits.parent / "bench/some-cpu"
    bench.mkdir(parents=True)
    lines = [f"lada,forward,64,4,{n},{1000 * n}" for n in (64, 4096)]
    lines += [f"square,forward,64,4,{n},{n * n}" for n in (64, 4096)]
    (bench / "attention.csv").write_text("mechanism,mode,dim,num_heads,num_tokens,macs\n" + "\n".join(lines) + "\n")
    store = load_store("digits")
    assert linear(claim("linear", mechanism="lada", margin=0.05), store) == (
        True,
        "power 1.000 up to 4,096 tokens (1 within 0.05)",
    )
    assert linear(claim("linear", mechanism="square", margin=0.05), store)[0] is False
    assert linear(claim("linear", mechanism="gone", margin=0.05), store) is None
