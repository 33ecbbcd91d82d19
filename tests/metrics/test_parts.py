"""Features in parts: equal to one pass, resumed after a kill, refused when damaged."""

import json

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.files import digest
from harness.locks import InUse, output_lock
from harness.metrics.features import OUTPUTS, features
from harness.metrics.parts import INDEX, Progress, Work, features_in_parts, kept_features


@pytest.fixture
def lines():
    return []


@pytest.fixture
def work(digits_cnn, tmp_path, lines):
    return Work(digits_cnn, 4, tmp_path / "cache", part=8, say=lines.append)


class Killed(Exception):
    pass


class Failing:
    """Images that a kill cuts off: those from number `stop` on are never read."""

    def __init__(self, images, stop):
        self.images, self.stop, self.shape, self.read = images, stop, images.shape, []

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        if index.stop > self.stop:
            raise Killed
        self.read.append((index.start, index.stop))
        return self.images[index]


def assert_same(found, expected):
    for part in OUTPUTS:
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    assert (found.label, found.image_shape) == (expected.label, expected.image_shape)


def test_parts_give_the_features_of_one_pass(work, digits_cnn, images):
    found = kept_features(images, {"of": "test"}, work, "images")
    assert_same(found, features(images, digits_cnn, 4, progress=False))
    assert isinstance(found.pool, np.memmap)
    assert not list((work.cache / "parts").iterdir())


def test_after_a_kill_only_what_is_missing_is_computed(work, images, lines):
    with pytest.raises(Killed):
        kept_features(Failing(images, 16), {"of": "test"}, work, "images")
    rest = Failing(images, 23)
    found = kept_features(rest, {"of": "test"}, work, "images")
    assert rest.read == [(16, 20), (20, 23)]
    assert_same(found, features(images, work.extractor, 4, progress=False))
    again = Failing(images, 0)
    assert_same(kept_features(again, {"of": "test"}, work, "images"), found)
    assert again.read == []
    assert [line.partition(",")[0] for line in lines] == [f"images: {count} of 23 images" for count in (8, 16, 23)]


def test_other_images_weights_or_batches_are_other_parts(work, images):
    with pytest.raises(Killed):
        kept_features(Failing(images, 16), {"of": "test"}, work, "images")
    other = Failing(images, 23)
    kept_features(other, {"of": "another"}, work, "images")
    assert other.read[0] == (0, 4)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "00000008.npy").write_bytes(b"no array"), "00000008.npy is damaged: .*delete .* run again"),
        (lambda folder: (folder / "00000008.npy").unlink(), "00000008.npy is missing.*delete .* run again"),
        (lambda folder: (folder / INDEX).write_text("{"), "parts.json: not a readable index"),
        (lambda folder: change_index(folder), "parts.json is damaged: .*delete .* run again"),
    ],
)
def test_damaged_parts_are_refused_in_one_line(work, images, tmp_path, damage, message):
    folder = tmp_path / "parts"
    with pytest.raises(Killed):
        features_in_parts(Failing(images, 16), folder, work, "images")
    damage(folder)
    with pytest.raises(HarnessError, match=message) as raised:
        features_in_parts(images, folder, work, "images")
    assert "\n" not in str(raised.value)


def change_index(folder):
    value = json.loads((folder / INDEX).read_text())
    value["widths"]["pool"] += 1
    (folder / INDEX).write_text(json.dumps(value))


def test_another_process_that_computes_the_same_is_waited_for(work, images):
    """It would remove the parts of the one that is ready later."""
    parts = work.cache / "parts" / digest({"of": "test", "batch": work.batch, "part": work.part})
    with output_lock(parts), pytest.raises(InUse, match="is in use by another process"):
        kept_features(images, {"of": "test"}, work, "images")
    assert len(kept_features(images, {"of": "test"}, work, "images")) == len(images)


def test_an_entry_is_never_removed_so_that_another_process_may_map_it(work, images):
    first = kept_features(images, {"of": "test"}, work, "images")
    entries = {path: path.stat().st_mtime_ns for path in work.cache.glob("[!p]*/*")}
    kept_features(images[:9], {"of": "others"}, work, "images")
    kept_features(images, {"of": "test"}, work, "images")
    assert entries.items() <= {path: path.stat().st_mtime_ns for path in work.cache.glob("[!p]*/*")}.items()
    assert len(entries) >= 4
    assert isinstance(first.pool, np.memmap)


def test_no_images_are_refused(work, images, tmp_path):
    with pytest.raises(HarnessError, match="given no images of nothing"):
        features_in_parts(images[:0], tmp_path / "parts", work, "nothing")


def test_the_line_of_progress_counts_only_what_was_made_here(lines):
    now = [100.0]
    progress = Progress("latents of seed 1", 50_000, lines.append, clock=lambda: now[0])
    progress.skip(1024)
    now[0] += 100
    progress.add(1000)
    assert lines == ["latents of seed 1: 2,024 of 50,000 images, 10.0 images/s, 1 h 20 min left"]
