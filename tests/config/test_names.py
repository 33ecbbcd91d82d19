"""Names become paths, stages and words of shell commands, so only few characters are allowed in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.names import check_name

PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@pytest.mark.parametrize("name", ["a", "9", "table1-16", "lada_swin", "A" * 100, "0-_"])
def test_a_plain_name_is_returned(name):
    assert check_name("cell", name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../x", "a/b", "a\\b", "cifar10.1", "-a", "_a", "a b", "a\n", "x; touch P", "$(touch P)", "a`b`", "ü"),
        *("a\0", "a" * 101, "*", "a@b", "a:b", "a'b", "%41", "a\u0663", None, 1, 1.5, True, ["a"], {"a": 1}),
    ],
)
def test_any_other_name_is_refused_in_one_line(name):
    with pytest.raises(HarnessError, match=r"data name: given .*; expected letters") as error:
        check_name("data", name)
    assert len(str(error.value).splitlines()) == 1
    assert str(error.value).isascii()


@given(st.text())
def test_what_passes_is_one_plain_word(name):
    try:
        check_name("cell", name)
    except HarnessError:
        return
    assert set(name) <= {*PLAIN, "-", "_"}
    assert name[0] in PLAIN
    assert 1 <= len(name) <= 100
