"""YAML files, read as plain values or refused in one line."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config import load_params
from harness.errors import HarnessError
from harness.yaml_reading import MAX_DEPTH, parse_yaml
from tests.config.refusals import refusal


def test_yaml_numbers_follow_version_1_2(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("a: 5e-4\nb: no\nc: 0o17\nd: 010\n", encoding="utf-8")
    assert load_params(path) == {"a": 0.0005, "b": "no", "c": 15, "d": 10}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "not valid YAML"),
        ("a: 1\na: 2\n", "not valid YAML.*duplicate key"),
        ("- 1\n", r"holds \[1\] \(a list\)"),
        ("", "holds nothing"),
        ("a: !!python/object:os.system x\n", "not valid YAML"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HarnessError, match=r"(?s)params.yaml.*" + message):
        load_params(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(HarnessError, match=r"no parameters file at .*none\.yaml"):
        load_params(tmp_path / "none.yaml")


@given(st.text(st.sampled_from("ab1 -.:_[]{}&*!|>'\"#%@`?,<~e0xTrue2024\n\t"), max_size=60))
def test_any_text_is_yaml_or_refused_in_one_short_line(text):
    complaint = refusal(lambda: parse_yaml(text, "params.yaml"))
    assert complaint.startswith(("params.yaml", "nothing"))
    assert len(complaint) < 1000


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_back_as_python_writes_it(value):
    assert parse_yaml(f"[{value!r}]", "x") == [value]
    assert parse_yaml(f"[{value:.17e}]", "x") == [value]


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_every_whole_number_is_read_back(value):
    assert parse_yaml(str(value), "x") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 2024-01-01", r"x\.a: given datetime\.date\(2024, 1, 1\) \(date\); expected .*; write it in quotes"),
        ("{2024-01-01: 1}", "x: given the key datetime.*; write it in quotes"),
        ("{1: 1}", "x: given the key 1 .*; write it in quotes"),
        ("a: 2024-13-45", "x is not valid YAML: month"),
        ("a: " + "9" * 5000, "x is not valid YAML: Exceeds the limit"),
        ("a: " + "9" * 400, r"x\.a: given 9999.*9999 \(a whole number\)"),
        ("a: !!bool maybe", "x is not valid YAML"),
        ("a: !!set {b}", r"x\.a: given"),
        ('a: "\\ud800"', r"x\.a: given"),
        ("a: &a [*a]", "or in themselves"),
        ("[" * 3000, "deep"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "deep"),
        ("\n".join(["a0: &a0 [1]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 30)]), "deep"),
        ("--- 1\n--- 2\n", "x is not valid YAML"),
    ],
)
def test_what_is_no_plain_value_is_named_shortly(text, message):
    with pytest.raises(HarnessError, match=message) as caught:
        parse_yaml(text, "x")
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("link", ["[{}]", "{{<<: [{}]}}"])
def test_a_bomb_of_aliases_is_refused_at_once(link):
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{i}: &a{i} " + link.format(", ".join([f"*a{i - 1}"] * 9)) for i in range(1, 9)]
    began = time.monotonic()
    with pytest.raises(HarnessError, match=r"x holds .* values, aliases included; expected at most") as caught:
        parse_yaml("\n".join(lines), "x")
    assert len(str(caught.value)) < 200
    assert time.monotonic() - began < 10


def test_a_file_too_long_is_not_read(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("#" * 600_000)
    with pytest.raises(HarnessError, match="600,000 bytes"):
        load_params(path)


def test_aliases_share_nothing_once_read():
    value = parse_yaml("a: &a {x: [1]}\nb: *a\nc: {<<: *a, y: 2}", "x")
    value["a"]["x"].append(2)
    assert value["b"] == {"x": [1]}
    assert value["c"] == {"x": [1], "y": 2}
    assert math.isnan(parse_yaml(".nan", "x"))
