"""The images of a data-efficiency run."""

import numpy as np
import pytest

from harness.data.fractions import fraction_indices
from harness.errors import HarnessError


def test_fractions_are_drawn_once_and_nested():
    fifth, tenth = fraction_indices(1000, 0.2, 3), fraction_indices(1000, 0.1, 3)
    assert (len(fifth), len(tenth)) == (200, 100)
    assert set(tenth) < set(fifth)
    assert (np.diff(fifth) > 0).all()
    np.testing.assert_array_equal(fifth, fraction_indices(1000, 0.2, 3))
    assert set(fifth) != set(fraction_indices(1000, 0.2, 4))
    np.testing.assert_array_equal(fraction_indices(5, 1, 0), np.arange(5))


@pytest.mark.parametrize("fraction", [0, -0.1, 1.1, 0.001, float("nan")])
def test_impossible_fractions_are_refused(fraction):
    with pytest.raises(HarnessError, match="fraction"):
        fraction_indices(100, fraction, 0)
