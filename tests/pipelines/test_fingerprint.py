"""Training and the extractor give the committed bits on every x86-64 with AVX2."""

import pytest
import torch

from harness.arithmetic import arithmetic
from pipelines.commands import fingerprint


@pytest.fixture
def own_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.skipif(
    arithmetic() != fingerprint.REPEATS_IN,
    reason=f"the arithmetic is {arithmetic()}; the committed fingerprints are of {fingerprint.REPEATS_IN}",
)
def test_this_machine_computes_the_committed_bits(own_threads):
    assert fingerprint.fingerprints() == fingerprint.COMMITTED


def test_a_difference_is_said_and_is_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(fingerprint, "fingerprints", lambda: {"digits-cnn, one pass": "0123456789abcdef"})
    with pytest.raises(SystemExit) as ended:
        fingerprint.main([])
    assert ended.value.code == 1
    assert "0123456789abcdef differs from the committed" in capsys.readouterr().out
