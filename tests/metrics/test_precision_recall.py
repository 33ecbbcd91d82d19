import numpy as np
import pytest

from harness.errors import HarnessError
from harness.metrics import precision_recall as module
from harness.metrics.features import Features
from harness.metrics.precision_recall import ball_radii, precision_recall


def transcription(generated, reference, k):
    """The definition, for one point at a time."""

    def radius(points, i):
        return sorted(((points - points[i]) ** 2).sum(axis=1))[k]  # entry 0 is the point itself

    def share_inside(points, centres):
        radii = [radius(centres, i) for i in range(len(centres))]
        inside = [any(((p - c) ** 2).sum() <= r for c, r in zip(centres, radii, strict=True)) for p in points]
        return np.mean(inside)

    return share_inside(generated, reference), share_inside(reference, generated)


def column(*values):
    return np.array(values, dtype=np.float32)[:, None]


def test_hand_case():
    # Balls of the reference: 0 and 4 reach 3 away, 1 and 3 reach 2, 2 reaches 2. Only 7.1 lies in none of them.
    assert precision_recall(column(-2.9, 0.5, 2, 6.9, 7.1), column(0, 1, 2, 3, 4)) == (0.8, 1.0)


def test_identical_sets():
    x = np.random.default_rng(0).standard_normal((50, 5)).astype(np.float32)
    assert precision_recall(x, x) == (1.0, 1.0)


def test_disjoint_sets():
    x = np.random.default_rng(1).standard_normal((50, 5)).astype(np.float32)
    assert precision_recall(x, x + 100) == (0.0, 0.0)


def test_nested_sets_and_the_order_of_arguments():
    rng = np.random.default_rng(2)
    wide, narrow = (scale * rng.standard_normal((80, 4)).astype(np.float32) for scale in (1, 0.05))
    precision, recall = precision_recall(narrow, wide)
    assert (precision, recall < 0.2) == (1.0, True)
    assert precision_recall(wide, narrow) == (recall, precision)


def test_the_boundary_belongs_to_the_ball():
    reference = column(0, 1, 2, 3)  # the ball of 3 ends at 6 exactly
    assert precision_recall(column(6, 6, 6, 6), reference)[0] == 1.0
    assert precision_recall(column(6.01, 6.01, 6.01, 6.01), reference)[0] == 0.0


def test_more_than_k_duplicates_collapse_the_balls():
    distinct = column(*range(12))
    assert precision_recall(distinct, distinct + 0.5)[1] == 1.0
    assert precision_recall(np.repeat(distinct[::4], 4, axis=0), distinct + 0.5)[1] == 0.0


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("block", [1, 7, 40, 4096])
def test_agrees_with_the_transcription_for_any_block(k, block):
    rng = np.random.default_rng(3)
    generated, reference = rng.standard_normal((53, 6)), rng.standard_normal((41, 6)) * 1.2
    generated, reference = generated.astype(np.float32), reference.astype(np.float32)
    assert precision_recall(generated, reference, k, block) == transcription(generated, reference, k)


def test_half_precision_is_close():
    rng = np.random.default_rng(4)
    generated, reference = (rng.standard_normal((300, 32)).astype(np.float32) for _ in range(2))
    exact, half = (precision_recall(generated, reference, half=half) for half in (False, True))
    np.testing.assert_allclose(half, exact, atol=0.05)
    assert half != exact


def test_half_precision_falls_back_where_it_overflows():
    rng = np.random.default_rng(5)
    generated, reference = (300 * rng.standard_normal((40, 32)).astype(np.float32) for _ in range(2))
    assert precision_recall(generated, reference, half=True) == precision_recall(generated, reference)


def test_too_few_or_unlike_features_raise():
    with pytest.raises(HarnessError, match="at least 4"):
        precision_recall(column(1, 2, 3), column(1, 2, 3, 4))
    with pytest.raises(HarnessError, match="width"):
        precision_recall(np.ones((9, 2), np.float32), np.ones((9, 3), np.float32))


def test_a_references_balls_are_computed_once_and_change_no_score(monkeypatch):
    rng = np.random.default_rng(0)
    reference = Features(*(rng.standard_normal((30, width)).astype(np.float32) for width in (5, 6, 4)), "any")
    generated = [rng.standard_normal((20, 5)).astype(np.float32) for _ in range(3)]
    np.testing.assert_array_equal(ball_radii(column(0, 1, 3, 7, 20)), column(7, 6, 4, 7, 19)[:, 0] ** 2)
    plain, given, radii = [precision_recall(part, reference.pool) for part in generated], [], module._radii
    monkeypatch.setattr(module, "_radii", lambda x, *rest, **named: given.append(len(x)) or radii(x, *rest, **named))
    kept = [precision_recall(part, reference.pool, reference_radii=reference.radii(3, "cpu")) for part in generated]
    assert kept == plain
    assert sorted(given) == [20, 20, 20, 30]
