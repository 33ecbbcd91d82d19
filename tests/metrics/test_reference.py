import dataclasses
import errno
import json

import numpy as np
import pytest

from harness.data.celeba import CelebaParams
from harness.data.cifar10 import Cifar10Params
from harness.data.manifest import MANIFEST, write_manifest
from harness.data.writer import ArrayWriter
from harness.errors import HarnessError
from harness.metrics.features import OUTPUTS, features
from harness.metrics.protocol import PROTOCOLS, Protocol
from harness.metrics.reference import prepared_reference, reference_images
from harness.metrics.scores import raw_scores
from harness.paper import printed_tables

TOY = Protocol("toy", "toy", "train", generated=20, reference=20, preparation={"resolution": 16, "fit": "squash"})


def write(root, images, **preparation):
    writer = ArrayWriter(root, "toy", 16)
    writer.add("train", images)
    writer.finish({"kind": "test"}, {"resolution": 16, "fit": "squash", **preparation})
    return root


@pytest.fixture
def root(tmp_path, images):
    return write(tmp_path / "toy", images[:20])


@pytest.fixture
def look(digits_cnn, tmp_path):
    """prepared_reference with the digits classifier, and a count of the images that it saw."""

    def run(root, protocol=TOY, extractor=digits_cnn):
        calls = []
        handle = extractor.module.register_forward_hook(lambda _m, inputs, _o: calls.append(len(inputs[0])))
        try:
            return prepared_reference(root, protocol, extractor, tmp_path / "cache", progress=False), sum(calls)
        finally:
            handle.remove()

    return run


def test_a_hit_never_touches_the_images_and_scores_the_same(root, look, digits_cnn, images):
    fresh, seen = look(root)
    assert seen == 20
    for shard in root.glob("*.npy"):
        shard.unlink()
    kept, seen = look(root)
    assert seen == 0
    for name in OUTPUTS:
        np.testing.assert_array_equal(getattr(kept, name), getattr(fresh, name))
    generated = features(images[3:], digits_cnn, progress=False)
    assert raw_scores(generated, kept, TOY) == raw_scores(generated, fresh, TOY)


@pytest.mark.parametrize("changed", ["images", "preparation", "weights", "count"])
def test_whatever_decides_the_features_is_in_the_key(root, look, tmp_path, digits_cnn, images, changed):
    look(root)
    protocol, extractor, other = TOY, digits_cnn, root
    if changed == "images":
        other = write(tmp_path / "other", 255 - images[:20])
    if changed == "preparation":
        other = write(tmp_path / "other", images[:20], resample="box")
    if changed == "weights":
        extractor = dataclasses.replace(digits_cnn, sha256="0" * 64)
    if changed == "count":
        protocol = dataclasses.replace(TOY, reference=19)
    assert look(other, protocol, extractor)[1] == (19 if changed == "count" else 20)


def test_a_moved_copy_of_the_data_is_a_hit(root, look, tmp_path):
    look(root)
    root.rename(tmp_path / "moved")
    assert look(tmp_path / "moved")[1] == 0


def test_a_damaged_entry_is_reported(root, look, tmp_path):
    look(root)
    (entry,) = (tmp_path / "cache").iterdir()
    (entry / "pool.npy").write_bytes((entry / "pool.npy").read_bytes()[:200])
    with pytest.raises(HarnessError, match="delete that folder"):
        look(root)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "celeba"}, "name is 'celeba', not 'toy'"),
        ({"preparation": {"resolution": 16, "fit": "crop"}}, "preparation.fit is 'crop', not 'squash'"),
        ({"preparation": {"fit": "squash"}}, "preparation.resolution is None, not 16"),
    ],
)
def test_a_reference_with_another_manifest_is_refused(root, look, change, message):
    manifest = json.loads((root / MANIFEST).read_text())
    write_manifest(root, manifest | change)
    with pytest.raises(HarnessError, match=message):
        look(root)


def test_too_small_a_reference_is_refused(root, look):
    with pytest.raises(HarnessError, match="given 20 reference images; protocol toy needs 21"):
        look(root, dataclasses.replace(TOY, reference=21))


def test_a_drawn_reference_is_random_but_always_the_same(root):
    drawn = dataclasses.replace(TOY, reference=7)
    indices = drawn.reference_indices(20)
    assert len(set(indices)) == 7
    assert list(indices) == sorted(indices) != list(range(7))
    np.testing.assert_array_equal(indices, drawn.reference_indices(20))
    np.testing.assert_array_equal(reference_images(root, drawn)[2:5], reference_images(root, TOY)[:][indices[2:5]])


def test_the_presets_ask_for_the_archives_that_the_datasets_check():
    assert PROTOCOLS["cifar10-50k"].preparation["checksum"] == Cifar10Params().checksum
    assert PROTOCOLS["celeba-19k"].preparation["checksum"] == CelebaParams().checksum
    assert (PROTOCOLS["celeba-19k"].reference, PROTOCOLS["celeba-50k"].reference) == (19_962, 162_770)
    assert CelebaParams().test_count == 19_962


def test_an_inception_score_of_a_preset_has_whole_chunks_but_for_38_images_of_celeba():
    lacking = {name: -p.generated % p.is_chunk for name, p in PROTOCOLS.items() if p.is_chunk}
    assert {name: count for name, count in lacking.items() if count} == {"celeba-19k": 38}


def test_every_inception_score_of_table_ii_is_measured():
    best = {names[0] for names in printed_tables()[2].protocols.values()}
    assert best == {"cifar10-50k", "celeba-19k", "lsun128-50k"}
    assert all("is" in PROTOCOLS[name].scores for name in best)


@pytest.mark.parametrize(
    "name", ["pool.npy", "spatial.npy", "logits.npy", "pool-mean.npy", "spatial-scatter.npy", "made_from.json"]
)
def test_a_flipped_bit_in_the_cache_is_found(root, look, tmp_path, name):
    look(root)
    (entry,) = (tmp_path / "cache").iterdir()
    content = bytearray((entry / name).read_bytes())
    content[-40] ^= 1
    (entry / name).write_bytes(content)
    with pytest.raises(HarnessError, match=r"damaged.*delete .*run again"):
        look(root)


def test_an_entry_that_cannot_be_read_is_computed_again(root, look, monkeypatch, capsys):
    fresh, _ = look(root)

    def unreadable(*_):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("harness.metrics.cache.read_npy", unreadable)
    again, seen = look(root)
    assert seen == 20
    np.testing.assert_array_equal(again.pool, fresh.pool)
    assert "warning: the reference's features cannot be read from" in capsys.readouterr().err


def test_the_cache_keeps_the_picture_size(root, look):
    assert look(root)[0].image_shape == look(root)[0].image_shape == (3, 16, 16)
