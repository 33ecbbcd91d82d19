"""The share-out of batches over ranks, with a mailbox in place of the network; tests/pipelines has the real one."""

import dataclasses
from collections import defaultdict, deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.views import Span
from harness.metrics import shards
from harness.metrics.cache import cached_features
from harness.metrics.features import OUTPUTS, features
from harness.metrics.shards import sharded_features, shares
from harness.training.distributed import Ranks

BATCH = 4


@dataclasses.dataclass(frozen=True)
class Told(Ranks):
    """A rank that always receives `word` from rank 0."""

    word: object = None

    def share(self, value: object) -> object:
        return self.word


@given(count=st.integers(1, 500), batch=st.integers(1, 64), size=st.integers(1, 9))
def test_the_shares_cover_every_batch_once_and_in_order(count, batch, size):
    spans = shares(count, batch, size)
    assert len(spans) == size
    alone = [range(count)[start : start + batch] for start in range(0, count, batch)]
    shared = [range(start, stop)[at : at + batch] for start, stop in spans for at in range(0, stop - start, batch)]
    assert shared == alone
    batches = [-(-(stop - start) // batch) for start, stop in spans]
    assert max(batches) - min(batches) <= 1
    assert batches[0] == max(batches)  # rank 0 has something to tell the widths from


@pytest.mark.parametrize("size", [2, 3, 8])
def test_any_number_of_ranks_gives_one_process_features_to_the_bit(digits_cnn, images, monkeypatch, size):
    box = defaultdict(deque)
    monkeypatch.setattr(shards.dist, "recv", lambda tensor, src: tensor.copy_(box[src].popleft()))
    for rank in range(1, size):  # 23 images in six batches, the last of three images: eight ranks are too many
        monkeypatch.setattr(shards.dist, "send", lambda tensor, dst, rank=rank: box[rank].append(tensor.clone()))
        assert sharded_features(images, digits_cnn, BATCH, ranks=Ranks(rank, size)) is None
    seen = sharded_features(images, digits_cnn, BATCH, progress=False, ranks=Ranks(0, size))
    alone = features(images, digits_cnn, BATCH, progress=False)
    for name in OUTPUTS:
        np.testing.assert_array_equal(getattr(seen, name), getattr(alone, name))
    assert seen.label == alone.label
    assert not any(box.values())


def test_a_part_is_the_images_it_names(images):
    part = Span(images, 5, 17)
    assert (len(part), part.shape) == (12, (12, 3, 16, 16))
    np.testing.assert_array_equal(part[8:99], images[13:17])
    assert len(Span(images, 5, 5)) == 0


def test_only_rank_0_opens_the_cache(tmp_path, digits_cnn, images):
    seen = features(images, digits_cnn, progress=False)
    folder = tmp_path / "cache"
    assert cached_features(folder, {"of": "images"}, "label", lambda: None, Told(1, 2, word=False)) is None
    assert not folder.exists()
    cached_features(folder, {"of": "images"}, "label", lambda: seen, Told(0, 2, word=False))
    hit = cached_features(folder, {"of": "images"}, "label", pytest.fail, Told(0, 2, word=True))
    np.testing.assert_array_equal(hit.pool, seen.pool)
    # A rank that does not see the files believes rank 0 that they are there.
    assert cached_features(tmp_path / "none", {"of": "images"}, "label", pytest.fail, Told(1, 2, word=True)) is None
