import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.seeds import LARGEST, MOST, parse_seeds, seeds_text


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("7", (7,)),
        ("0-3", (0, 1, 2, 3)),
        ("1,5,9-12", (1, 5, 9, 10, 11, 12)),
        (" 3 , 1-2", (3, 1, 2)),
        (f"{LARGEST}", (LARGEST,)),
    ],
)
def test_seeds_in_the_order_given(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", ",", "1,", "a", "-1", "3-1", "1-2-3", "1.5", "٣", "0x1", f"{LARGEST + 1}", "9" * 5000])
def test_other_texts_are_refused(text):
    with pytest.raises(HarnessError, match="expected whole numbers and ranges such as 0-63"):
        parse_seeds(text)


@pytest.mark.parametrize("text", [f"0-{MOST}", f"0-{LARGEST}", f"0-{MOST - 1},{MOST}"])
def test_a_range_too_long_costs_no_memory(text):
    with pytest.raises(HarnessError, match="more than 1,000,000 seeds"):
        parse_seeds(text)


@pytest.mark.parametrize("text", ["1,1", "0-5,3"])
def test_a_seed_twice_is_refused(text):
    with pytest.raises(HarnessError, match="expected each once"):
        parse_seeds(text)


@given(st.lists(st.integers(0, LARGEST) | st.integers(0, 20), min_size=1, max_size=30, unique=True))
def test_the_text_of_seeds_is_read_back(seeds):
    assert parse_seeds(seeds_text(seeds)) == tuple(seeds)
    assert seeds_text(range(64)) == "0-63"


@given(st.text(alphabet="0123456789-, a", max_size=12))
def test_any_text_gives_seeds_or_one_error(text):
    try:
        seeds = parse_seeds(text)
    except HarnessError:
        return
    assert len(seeds) == len(set(seeds)) > 0
