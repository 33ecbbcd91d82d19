"""Damaged files, one seeded mutation at a time: refused in one line or without effect, whatever the damage.

300 of each kind in the suite; LADA_MUTATIONS=20000 for more.
"""

import os
import random
import struct
import tracemalloc
from dataclasses import replace

import bundle_writer as writer
import pytest
import torch

from harness.checkpoints.bundle import bundle_files, read_bundle
from harness.checkpoints.folder import latest_checkpoint
from harness.checkpoints.table import read_table
from harness.errors import HarnessError
from pipelines.published.convert import read_configs, read_published

COUNT = int(os.environ.get("LADA_MUTATIONS", "300"))


def mutate(content: bytes, rng: random.Random) -> bytes:
    """One change of one to a few bytes, or of the length."""
    at = rng.randrange(len(content))
    piece = content[at : at + rng.choice([1, 2, 5, 48, 1000])]
    before, after = content[:at], content[at + len(piece) :]
    kind = rng.randrange(8)
    if kind == 0:
        return before + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
    if kind == 1:
        return before + rng.randbytes(len(piece)) + after
    if kind == 2:
        return before + bytes([rng.choice([0, 255])]) * len(piece) + after
    if kind == 3:
        return before + after
    if kind == 4:
        return before + piece + piece + after
    if kind == 5:
        return before
    if kind == 6:
        return content + rng.randbytes(rng.choice([1, 100]))
    other = rng.randrange(len(content))
    return before + content[other : other + len(piece)] + after


def outcome(call, *args):
    """(what it returns, None), or (None, the one line in which it refused)."""
    try:
        return call(*args), None
    except HarnessError as error:
        return None, str(error)


def equal(found, expected):
    return list(found) == list(expected) and all(
        found[key].shape == value.shape and found[key].tobytes() == value.tobytes() for key, value in expected.items()
    )


@pytest.mark.parametrize("which", ["index", "data"])
def test_mutations_of_a_checkpoint_are_refused_or_without_effect(published, which):
    prefix = published("pixel32") / "best-training-checkpoints" / "ckpt-4096"
    path = bundle_files(prefix)[which == "data"]
    intact, expected, rng = path.read_bytes(), read_bundle(prefix), random.Random(which)
    refused = 0
    for _ in range(COUNT // 2):
        path.write_bytes(mutate(intact, rng))
        found, error = outcome(read_bundle, prefix)
        refused += found is None
        assert (str(path) in error and "\n" not in error) if error else equal(found, expected)
    assert refused > 0.9 * (COUNT // 2)  # a byte may be replaced by itself, a padding byte is never read


def test_damage_with_right_checksums_is_survived(tmp_path):
    """Changes the index and seals it again, as an attacker would. Values may differ, but nothing else may happen."""
    tensors = {f"layer-{i}/kernel": torch.rand(3, i + 1).numpy() for i in range(40)} | {"graph": b"text" * 50}
    writer.write_bundle(tmp_path / "ckpt-1", tensors)
    index = bundle_files(tmp_path / "ckpt-1")[0]
    good, rng, refused = writer.block(sorted(read_table(index.read_bytes()).items())), random.Random(1), 0
    tracemalloc.start()
    for _ in range(COUNT):
        content = mutate(good[:-4], rng) + rng.choice([good[-4:], struct.pack("<I", rng.getrandbits(32))])
        index.write_bytes(writer.table([content], [b"~"]))
        tracemalloc.reset_peak()
        refused += outcome(read_bundle, tmp_path / "ckpt-1")[0] is None
        assert tracemalloc.get_traced_memory()[1] < 64 << 20  # tables of the checksum included
    tracemalloc.stop()
    assert refused > 0.5 * COUNT


def test_mutations_of_config_json_are_refused_or_without_effect(published):
    folder = published("decoder128")
    intact = read_published(folder)
    path, rng, refused = folder / "config.json", random.Random(2), 0
    content, expected = path.read_bytes(), states(intact, path)
    for _ in range(COUNT):
        path.write_bytes(mutate(content, rng))
        found, error = outcome(states, intact, path)
        refused += found is None
        assert "\n" not in error if error else equal(found, expected)
    assert refused > 0.5 * COUNT


def states(published, path):
    """{name: weights} of both networks as the config.json at `path` describes them."""
    generator, discriminator = read_configs(path)
    published = replace(published, generator=generator, discriminator=discriminator)
    both = {"g": published.generator_state(), "d": published.discriminator_state()}
    return {f"{network}.{name}": value.numpy() for network, state in both.items() for name, value in state.items()}


def test_mutations_of_the_list_of_checkpoints_are_refused_or_without_effect(published):
    folder = published("pixel32") / "best-training-checkpoints"
    path, rng = folder / "checkpoint", random.Random(3)
    content = path.read_bytes()
    for _ in range(COUNT):
        path.write_bytes(mutate(content, rng))
        found, error = outcome(latest_checkpoint, folder)
        assert "\n" not in error if error else found.parent == folder
