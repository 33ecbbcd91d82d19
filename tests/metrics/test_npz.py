"""Malformed statistics and samples: each is one error, and none is accepted."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.metrics.adm import NpzSamples, read_statistics

GOOD = {"mu": np.zeros(3), "sigma": np.eye(3), "mu_s": np.zeros(2), "sigma_s": np.eye(2)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mu": np.zeros(3, complex)}, "mu is complex128"),
        ({"mu": np.array(["a", "b", "c"])}, "mu is <U1"),
        ({"mu": np.array([0, np.nan, 0])}, "not finite"),
        ({"mu": np.array([{}, 1, 2], dtype=object)}, "mu holds objects"),
        ({"mu": np.zeros((3, 1))}, "covariance"),
        ({"sigma": -np.eye(3)}, "eigenvalue -1"),
        ({"sigma": np.array([[1, 2, 0], [2, 1, 0], [0, 0, 1.0]])}, "eigenvalue -1"),
        ({"sigma": np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1.0]])}, "not symmetric"),
        ({"sigma_s": np.full((2, 2), np.inf)}, "not finite"),
        ({"count": np.array(-5)}, "count"),
        ({"count": np.array([5, 6])}, "count"),
        ({"count": np.array(2.5)}, "count"),
        ({"label": np.array(3)}, "label"),
    ],
)
def test_statistics_that_are_none_are_refused(tmp_path, change, message):
    np.savez(tmp_path / "good.npz", **GOOD)
    assert len(read_statistics(tmp_path / "good.npz", "a", 9)) == 9
    np.savez(tmp_path / "x.npz", **{**GOOD, **change})
    with pytest.raises(HarnessError, match=message):
        read_statistics(tmp_path / "x.npz", "a")


def test_a_covariance_kept_in_float32_is_one(tmp_path):
    rows = np.random.default_rng(0).standard_normal((20, 60)) * np.geomspace(1, 1e-3, 60)  # of rank 19
    np.savez(tmp_path / "x.npz", **{**GOOD, "mu": np.zeros(60), "sigma": np.cov(rows, rowvar=False).astype(np.float32)})
    assert read_statistics(tmp_path / "x.npz", "a").statistics("pool").mean.size == 60


def header_of(shape, descr="'<f8'"):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


MALFORMED = {
    "text": b"mu = 3",
    "negative shape": header_of("(-3,)") + bytes(24),
    "huge shape": header_of("(1000000000000,)") + bytes(24),
    "shape of no number": header_of("('a',)") + bytes(24),
    "code in the header": header_of("(__import__('os').system('touch owned'),)") + bytes(24),
    "huge header": b"\x93NUMPY\x02\x00" + (1 << 20).to_bytes(4, "little") + b"(" * (1 << 20),
    "unbalanced header": b"\x93NUMPY\x01\x00" + (200).to_bytes(2, "little") + b"(" * 200,
    "record type": header_of("(3,)", "[('a', '<f8')]") + bytes(24),
    "objects": header_of("(3,)", "'|O'") + bytes(24),
    "too few values": header_of("(3,)") + bytes(23),
    "unknown version": b"\x93NUMPY\x09\x00" + bytes(24),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", MALFORMED)
@pytest.mark.parametrize("array", ["mu", "arr_0"])
def test_malformed_arrays_are_one_error(tmp_path, monkeypatch, kind, array):
    monkeypatch.chdir(tmp_path)
    np.savez("good.npz", **GOOD)
    with zipfile.ZipFile("good.npz") as good, zipfile.ZipFile("x.npz", "w") as bad:
        for name in good.namelist():
            if name != f"{array}.npy":
                bad.writestr(name, good.read(name))
        bad.writestr(f"{array}.npy", MALFORMED[kind])
    with pytest.raises(HarnessError, match=rf"x\.npz.* {array}"):
        read_statistics(Path("x.npz"), "a") if array == "mu" else NpzSamples(Path("x.npz"))
    assert not Path("owned").exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_flipped_byte_of_a_samples_file_is_found_or_changes_nothing(tmp_path, save):
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    path = tmp_path / "x.npz"
    save(path, arr_0=images)
    content, found = path.read_bytes(), 0
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
        try:
            np.testing.assert_array_equal(NpzSamples(path)[:], images.transpose(0, 3, 1, 2))
        except HarnessError:
            found += 1
    assert found > len(content) // 2


def test_encrypted_and_truncated_files_are_one_error(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **GOOD)
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(HarnessError, match=r"is not an \.npz"):
        read_statistics(path, "a")
    content[6] |= 1  # the flag of encryption, in the member's header and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(HarnessError, match="password"):
        read_statistics(path, "a")
