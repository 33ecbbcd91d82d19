import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.metrics import neighbours
from harness.metrics.neighbours import nearest


def naive(queries, among, count):
    """By sorting every distance."""
    found = []
    for query in queries:
        distances = [float(np.sqrt(((query - row) ** 2).sum())) for row in among]
        order = sorted(range(len(among)), key=lambda index: (distances[index], index))[:count]
        found.append(([*order], [distances[index] for index in order]))
    return np.array([order for order, _ in found]), np.array([row for _, row in found])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 40), st.integers(1, 5))
def test_as_by_sorting_every_distance_whatever_the_block(seed, few, many, count):
    rng = np.random.default_rng(seed)
    queries, among = rng.standard_normal((few, 7)), rng.standard_normal((many, 7))
    block, neighbours.BLOCK = neighbours.BLOCK, 9
    try:
        indices, distances = nearest(queries, among, count)
    finally:
        neighbours.BLOCK = block
    order, expected = naive(queries, among, count)
    assert np.array_equal(indices, order)
    np.testing.assert_allclose(distances, expected, atol=1e-6)


def test_a_copy_lies_at_no_distance_and_the_first_of_equals_comes_first():
    among = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 0.0]], np.float32)
    indices, distances = nearest(among[1:2], among, 3)
    assert indices.tolist() == [[1, 2, 0]]
    assert distances.tolist() == [[0.0, 0.0, 5.0]]
