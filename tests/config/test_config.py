from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config import check_types, from_mapping
from harness.errors import HarnessError
from tests.config.refusals import refusal


@dataclass(frozen=True)
class Inner:
    width: int = 3


@dataclass(frozen=True)
class Example:
    nimg: int
    rate: float = 2e-4
    name: str = "a"
    flag: bool = False
    betas: tuple[float, float] = (0.5, 0.99)
    dims: tuple[int, ...] = ()
    fit: Literal["crop", "squash"] = "crop"
    sides: Literal[1, 2] = 1
    path: str | None = None
    inner: Inner = field(default_factory=Inner)
    costs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        if self.nimg < 1:
            raise ValueError(f"nimg: given {self.nimg}; expected at least 1")


def test_every_kind_of_field_is_taken_over_in_its_type():
    given_values = {
        "nimg": 5,
        "rate": 1,
        "name": "b",
        "flag": True,
        "betas": [0, 0.9],
        "dims": [1, 2, 3],
        "fit": "squash",
        "path": None,
        "inner": {"width": 7},
        "costs": {"x": 1},
    }
    config = from_mapping(Example, given_values, "train")
    assert config == Example(5, 1.0, "b", True, (0.0, 0.9), (1, 2, 3), "squash", 1, None, Inner(7), {"x": 1})
    assert type(config.rate) is float
    assert type(config.betas[0]) is float


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"nimgs": 5}, r"unknown key in train 'nimgs'; expected one of .*; did you mean 'nimg'\?"),
        ({}, "train: missing nimg"),
        ({"nimg": "5"}, r"train.nimg: given '5' \(text\); expected a whole number; write it without quotes"),
        ({"nimg": True}, r"train.nimg: given True \(true or false\); expected a whole number"),
        ({"nimg": 5.0}, "train.nimg: given 5.0"),
        ({"nimg": 0}, "train: nimg: given 0; expected at least 1"),
        ({"nimg": 5, "rate": "5e-4"}, "train.rate: given '5e-4'.*expected a number; write it without quotes"),
        ({"nimg": 5, "rate": "fast"}, r"train.rate: given 'fast' \(text\); expected a number$"),
        ({"nimg": 5, "rate": float("nan")}, "finite"),
        ({"nimg": 5, "rate": False}, "train.rate: given False"),
        ({"nimg": 5, "name": 3}, "train.name: given 3"),
        ({"nimg": 5, "flag": 1}, "train.flag: given 1 .*expected true or false"),
        ({"nimg": 5, "betas": [0.5]}, "train.betas: .*a list of 2 entries"),
        ({"nimg": 5, "betas": 0.5}, "train.betas: .*a list such as"),
        ({"nimg": 5, "dims": [1, "2"]}, r"train.dims\[1\]: given '2'"),
        ({"nimg": 5, "fit": "crp"}, "train.fit: unknown value 'crp'; expected one of crop, squash; did you mean 'crop'"),
        ({"nimg": 5, "sides": True}, "train.sides: unknown value True; expected one of 1, 2"),
        ({"nimg": 5, "path": 3}, "train.path: given 3"),
        ({"nimg": 5, "inner": {"widht": 1}}, "unknown key in train.inner 'widht'.*did you mean 'width'"),
        ({"nimg": 5, "inner": 1}, "train.inner: given 1"),
        ({"nimg": 5, "costs": {"x": "y"}}, "train.costs.x: given 'y'"),
        ({"nimg": None}, "train.nimg: given nothing; expected a whole number"),
        ([1], r"train: given \[1\] \(a list\)"),
        ({"nimg": 10**400}, r"train.nimg: given 1000000000000.*\.\.\..*expected text, a number up to"),
        ({"nimg": 5, "rate": 2**63 - 1, "name": True}, "train.name: given True"),
        ({"nimg": 5, "betas": [1, 2, 3]}, r"train.betas: given \[1, 2, 3\].*a list of 2 entries"),
        ({"nimg": 5, "sides": 1.0}, "train.sides: unknown value 1.0; expected one of 1, 2"),
        ({"nimg": 5, 7: 1}, r"train: given the key 7 \(a whole number\); expected text; write it in quotes"),
        ({"nimg": 5, "inner": {"width": "3"}}, r"train.inner.width: given '3' \(text\); expected a whole number; write"),
    ],
)
def test_what_does_not_fit_is_named(entry, message):
    with pytest.raises(HarnessError, match=message):
        from_mapping(Example, entry, "train")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_a_whole_number_field_takes_nothing_else(value):
    with pytest.raises(HarnessError, match=r"train\.nimg"):
        from_mapping(Example, {"nimg": value}, "train")


def test_part_of_a_section_is_checked_by_its_types_alone():
    check_types(Example, {"rate": 1, "nimg": 0}, "train")
    with pytest.raises(HarnessError, match=r"train\.rate: given 'x'"):
        check_types(Example, {"rate": "x"}, "train")
    with pytest.raises(HarnessError, match=r"unknown key in train 'rat'.*did you mean 'rate'"):
        check_types(Example, {"rat": 1}, "train")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_any_value_is_taken_or_refused_in_one_short_line(value):
    for name in Example.__dataclass_fields__:
        complaint = refusal(lambda name=name: from_mapping(Example, {"nimg": 5, name: value}, "train"))
        assert complaint.startswith(("train", "unknown key in train", "nothing"))
        assert len(complaint) < 1000
