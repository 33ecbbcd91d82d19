"""Checkpoint files that are missing, unreadable or of another length."""

from pathlib import Path

import bundle_writer as writer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checkpoints.bundle import read_bundle
from harness.checkpoints.wire import Malformed, varint
from harness.errors import HarnessError

TENSORS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a/x": np.array(7, np.int64), "graph": b"\x08\x01text"}


@pytest.mark.parametrize("suffix", [".index", ".data-00000-of-00001"])
def test_a_missing_file_and_a_directory_are_named(tmp_path, suffix):
    writer.write_bundle(tmp_path / "ckpt-1", TENSORS)
    path = tmp_path / f"ckpt-1{suffix}"
    path.unlink()
    with pytest.raises(HarnessError, match=rf"no file at .*ckpt-1{suffix}"):
        read_bundle(tmp_path / "ckpt-1")
    path.mkdir()
    with pytest.raises(HarnessError, match=rf"no file at .*ckpt-1{suffix}"):
        read_bundle(tmp_path / "ckpt-1")


def test_a_disk_that_fails_is_one_line_too(tmp_path, monkeypatch):
    def fail(self, mode):
        raise OSError(5, "Input/output error")

    writer.write_bundle(tmp_path / "ckpt-1", TENSORS)
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(HarnessError, match=r"ckpt-1\.index: Input/output error; expected a readable file"):
        read_bundle(tmp_path / "ckpt-1")


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
def test_varints_make_the_round_trip_and_are_refused_when_cut(value, before):
    encoded = before + writer.varint(value)
    assert varint(encoded, len(before)) == (value, len(encoded))
    with pytest.raises(Malformed, match="cut off"):
        varint(encoded[:-1], len(before))
