"""The anchors are computed as the cells are scored."""

from pathlib import Path

import pytest
import torch

from pipelines import anchors

PARAMS = str(Path(__file__).resolve().parents[2] / "pipelines/digits/params.yaml")


class Reached(Exception):
    """Ends the stage where it would begin to compute."""


def test_the_number_of_cores_changes_no_anchor(monkeypatch):
    def load(*_given):
        raise Reached(torch.get_num_threads())

    monkeypatch.setattr(anchors, "load_scorer", load)
    before = torch.get_num_threads()
    torch.set_num_threads(2)  # as a machine of two cores begins
    try:
        with pytest.raises(Reached, match="1"):
            anchors.main(["--params", PARAMS, "--data", "digits"])
    finally:
        torch.set_num_threads(before)
