"""The automatic engine follows what `make gpu` found on the device."""

import json

import pytest
import torch

from harness.errors import HarnessError
from harness.training.engines.measured import compiled_pays

GPU = torch.device("cuda")


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Writes what `make gpu` found about the compiled engine; returns whether it pays."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")

    def pays(content):
        path = tmp_path / "nvidia-h100-80gb-hbm3" / "gpu.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps({"checks": content}))
        return compiled_pays(GPU, tmp_path)

    return pays


def outcome(eager, compiled, status="ok"):
    return {"compiled": {"status": status, "found": {"engines": {"eager": eager, "compiled": compiled}}}}


def test_a_device_that_nobody_has_measured_tries_the_compiled_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")
    assert compiled_pays(GPU, tmp_path)
    assert compiled_pays(torch.device("cpu"), tmp_path)


def test_the_faster_engine_is_taken(found):
    assert found(outcome({"images_per_s": 100.0}, {"images_per_s": 101.0}))
    assert not found(outcome({"images_per_s": 101.0}, {"images_per_s": 100.0}))
    assert not found(outcome({"images_per_s": 10.0}, {"reason": "out of memory"}))


def test_an_engine_that_failed_is_not_tried_and_one_that_was_not_tried_is(found):
    assert not found(outcome({}, {}, "failed"))
    assert found(outcome({}, {}, "no time left"))
    assert found({})


@pytest.mark.parametrize("content", ["", "[]", '{"checks": 1}', '{"checks": {"compiled": {"status": "ok"}}}'])
def test_a_file_that_is_none_is_named(found, content):
    with pytest.raises(HarnessError, match=r"gpu\.json cannot be read .*run `make gpu` again"):
        found(content)
