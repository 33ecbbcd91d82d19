"""The specification of a metric decides its keys, headings, margins and columns everywhere."""

from dataclasses import replace

import numpy as np
import pytest

from harness.metrics.features import Features
from harness.metrics.metric import METRICS, Metric, margin_words, metric_of
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.scores import raw_scores, scores

FAR = Metric("far", "far", "FAR", "FAR", "lower", 0.1, "absolute", lambda pair: float(np.abs(pair.generated.pool).max()))


def made_up(count, seed, label="digits-cnn"):
    rng = np.random.default_rng(seed)
    parts = {part: rng.standard_normal((count, 4)).astype(np.float32) for part in ("pool", "spatial", "logits")}
    return Features(**parts, label=label)


def test_one_entry_makes_a_new_metric(monkeypatch):
    monkeypatch.setitem(METRICS, "far", FAR)
    protocol = replace(PROTOCOLS["digits-train"], scores=("fid", "far"))
    generated = made_up(20, 0)
    found = scores(generated, made_up(20, 1), protocol)
    assert found == {"fd/digits-cnn": found["fd/digits-cnn"], "far/digits-cnn": float(np.abs(generated.pool).max())}
    assert "0.02 in precision or recall, 0.1 in far" in margin_words()


def test_every_proxy_and_name_belongs_to_one_metric():
    names = [word for metric in METRICS.values() for word in {metric.name, metric.proxy}]
    assert len(names) == len(set(names))
    assert metric_of("fd/digits-cnn") is metric_of("fid") is METRICS["fid"]
    assert metric_of("fd2/digits-cnn") is None


def test_a_score_is_found_under_its_own_name_before_its_proxy():
    assert METRICS["fid"].label_in({"fd/x": 1.0, "fid": 2.0}) == "fid"
    assert METRICS["fid"].label_in({"sfd/x": 1.0, "fd/x": 2.0}) == "fd/x"
    assert METRICS["fid"].label_in({"sfd/x": 1.0}) is None
    assert METRICS["precision"].label_in({"precision/x": 1.0}) == "precision/x"


@pytest.mark.parametrize(("name", "printed", "half"), [("fid", 4.0, 0.2), ("is", 9.0, 0.18), ("recall", 0.5, 0.02)])
def test_margins_are_shares_or_absolute(name, printed, half):
    assert METRICS[name].half_width(printed) == pytest.approx(half)


def test_margins_in_words(monkeypatch):
    for name in METRICS.keys() - {"fid", "sfid", "is", "precision", "recall"}:
        monkeypatch.delitem(METRICS, name)
    assert margin_words() == "5% of the printed FID or sFID, 2% of the printed IS, 0.02 in precision or recall"


def test_precision_and_recall_share_one_pass(monkeypatch):
    calls = []

    def spy(*args, **kwargs):
        calls.append(args)
        return 0.25, 0.75

    monkeypatch.setattr("harness.metrics.scores.precision_recall", spy)
    found = raw_scores(made_up(20, 0), made_up(20, 1), PROTOCOLS["digits-train"])
    assert (found["precision"], found["recall"], len(calls)) == (0.25, 0.75, 1)
