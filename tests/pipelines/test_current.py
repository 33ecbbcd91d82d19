"""Results that a sweep hands to DVC."""

import hashlib
from types import SimpleNamespace

import pytest

from harness.records.models import Run, ScoreRecord
from pipelines.commands import states


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("trained_as", "scored", "expected"), [("a", b"w", True), ("b", b"w", False), ("a", b"v", False)])
def test_results_are_current_if_trained_as_params_say_and_scored_from_these_weights(
    tmp_path, monkeypatch, trained_as, scored, expected
):
    data = SimpleNamespace(sha256="data")
    cell = SimpleNamespace(results=tmp_path, images=lambda: (data, None), digest={"data": "a" * 64}.get)
    (tmp_path / "g_ema.safetensors").write_bytes(b"w")
    read = {Run: SimpleNamespace(made_from=trained_as * 64), ScoreRecord: SimpleNamespace(weights_sha256=sha256(scored))}
    monkeypatch.setattr(states, "load_cell", lambda params, name: cell)
    monkeypatch.setattr(states, "run_path", lambda cell: tmp_path)
    monkeypatch.setattr(states, "read_as", lambda kind, path: read[kind])
    assert states.is_current(tmp_path / "params.yaml", "cell") is expected
