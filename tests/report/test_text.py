"""Other programs take text from a record as text, never as a command."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.plots import plain
from harness.report.text import csv_cell, csv_text, latex, markdown, markdown_text

HOSTILE = ['=HYPERLINK("http://x")', "+1+2", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=1\n=2"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_a_csv_file_is_a_formula(text):
    cell = next(csv.DictReader(io.StringIO(csv_text([{"name": text}]))))["name"]
    assert cell == f"'{' '.join(text.split())}"


@pytest.mark.parametrize("text", ["-", "-0.5", "+1", "1e-05", "-1.5e+10", "plain", ""])
def test_numbers_and_plain_text_stay_as_they_are(text):
    assert csv_cell(text) == text


@given(st.text(max_size=40))
def test_a_markdown_row_stays_one_row_without_html(text):
    rows = markdown_text(["name"], [[text]]).splitlines()
    assert len(rows) == 3
    assert "<" not in rows[2]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", rows[2])) == 2  # the bars of the table alone


def test_markdown_has_no_link_no_code_and_no_html():
    assert markdown("<img src=x> [a](javascript:b)\n`c`") == r"&lt;img src=x&gt; \[a\](javascript:b) \`c\`"


def test_latex_and_matplotlib_see_no_formula():
    assert latex("$\\frac{\n1") == r"\$\textbackslash{}frac\{ 1"
    assert plain("a $\\frac{\nb") == r"a \$\frac{ b"


def test_a_hostile_label_is_drawn(add_score, tmp_path):
    from harness.records.store import load_store
    from harness.report.figures import draw_figures

    extractor = {"name": "x", "label": r"$\frac{", "sha256": "b" * 64}
    for index in range(1, 6):
        add_score(f"c{index}", [f"1:{index}"], value=5.0 + index, label=r"$\frac{", extractor=extractor)
    assert any(path.name == "figure_5a.png" for path in draw_figures(load_store("digits")).repeating)
