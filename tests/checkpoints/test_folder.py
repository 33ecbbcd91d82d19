"""The text files beside a checkpoint: the list of checkpoints and the configuration, and what is refused of them."""

from pathlib import Path

import pytest

from harness.checkpoints.folder import latest_checkpoint, read_object
from harness.errors import HarnessError

LATEST = 'model_checkpoint_path: "ckpt-7"\nall_model_checkpoint_paths: "ckpt-5"\nall_model_checkpoint_paths: "ckpt-7"\n'


def test_the_latest_checkpoint_is_the_named_one(tmp_path):
    (tmp_path / "checkpoint").write_text(LATEST + "all_model_checkpoint_timestamps: 1.7e9\nlast_preserved_timestamp: 17.25\n")
    assert latest_checkpoint(tmp_path) == tmp_path / "ckpt-7"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'model_checkpoint_path: "/etc/ckpt-7"',
        b'model_checkpoint_path: "../ckpt-7"',
        b'model_checkpoint_path: "a\\\\..\\\\ckpt-7"',
        b'model_checkpoint_path: ".."',
        b'model_checkpoint_path: ""',
        b'model_checkpoint_path: "ckpt-7\\000"',
        b'model_checkpoint_path: "ckpt-5"\nmodel_checkpoint_path: "ckpt-7"',
        b'model_checkpoint_path: "ckpt-7" evil: 1',
        b"<html>",
        b'model_checkpoint_path: "ckpt-7"\nunknown: 1',
        b"\xff\xfe",
        b'all_model_checkpoint_paths: "ckpt-7"',
        b" " * 70_000,
    ],
)
def test_any_other_list_of_checkpoints_is_refused(tmp_path, content):
    (tmp_path / "checkpoint").write_bytes(content)
    with pytest.raises(HarnessError, match=r"/checkpoint: .*given"):
        latest_checkpoint(tmp_path)


OBJECTS = {
    "key 'a' is given twice": b'{"a": 1, "a": 1}',
    "NaN is given": b'{"a": NaN}',
    "-Infinity is given": b'{"a": [-Infinity]}',
    "recursion": b"[" * 60_000,
    "given a JSON list; expected an object": b"[]",
    "over 65536 bytes": b" " * 70_000 + b"{}",
    "not UTF-8": b"\xff",
    "Expecting value": b"",
}


@pytest.mark.parametrize("reason", OBJECTS)
def test_json_that_is_no_plain_object_is_refused(tmp_path, reason):
    (tmp_path / "config.json").write_bytes(OBJECTS[reason])
    with pytest.raises(HarnessError, match=rf"/config\.json: .*{reason}.*"):
        read_object(tmp_path / "config.json")


def test_a_disk_that_fails_is_one_line_too(tmp_path, monkeypatch):
    def fail(self, mode):
        raise OSError(5, "Input/output error")

    (tmp_path / "checkpoint").write_text(LATEST)
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(HarnessError, match="checkpoint: Input/output error; expected a readable file"):
        latest_checkpoint(tmp_path)
