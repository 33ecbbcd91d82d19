"""Text from records reaches spreadsheets, browsers, Markdown and LaTeX: as text, or it is refused where it enters."""

import csv
import io
import random
import re
import shutil
from contextlib import chdir
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from stored_results import cost_record, process, score_record
from tally import Tally

from harness.records.measured import Measurement
from harness.records.record import make, write_record
from harness.records.store import load_store
from harness.report.figures import draw_figures
from harness.report.page import write_page
from harness.report.table_files import render
from harness.report.tables import build_tables

HOSTILE = (
    '=HYPERLINK("http://x","y")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>', "</td></table><h1>", "<!--", "&lt;b&gt;", "a\n| b | c |\n\n# d", "[a](javascript:b)",
    "![a](http://x/y.png)", "`` ` ``", "$\\frac{", "\\input{/etc/passwd}", "\\write18{touch owned}", "%", "^^5cinput", "}{",
    "{{ 7 * 7 }}", "{% raw %}", "a\x00b", "\x1b[2J", "\u202eevil", "\ud800", "a\rb",
    "x" * 5000, "'; DROP TABLE runs; --", "&&&", "| | |", "~#_^",
)  # fmt: skip
# where a result file has text
PLACES = ("command", "engine", "arithmetic", "version", "config", "label", "name", "reason", "device", "title", "note", "metric")
NUMBER = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?|-")


def texts(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Puts hostile text into every place of the records that takes text; the report has the shape that plain text gives it."""
    tally, rng = Tally("text for other programs"), random.Random(seed)
    sound: dict[str, Any] = {}
    for number in range(tries):
        place, text = PLACES[number % len(PLACES)], rng.choice(HOSTILE)
        draws = number % 12 == 5  # figures take seconds
        if (key := f"{place}{draws}") not in sound:
            sound[key] = _report(scratch / "plain", place, "plain", draws)
        tally.attack(f"{place} {text!a:.60}", lambda p=place, t=text, d=draws: _report(scratch / "hostile", p, t, d), sound[key])
    return [tally]


def _report(root: Path, place: str, text: str, draws: bool) -> dict[str, Any]:
    """The shape of a report over records that hold `text` in one place."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    with chdir(root):
        _write(place, text)
        store = load_store("p")
        tables = build_tables(store)
        shapes = {name: shape(name, content) for name, content in render(store, tables).items()}
        figures = draw_figures(store).repeating if draws else []
        for path in figures:
            if path.suffix == ".svg":
                ElementTree.parse(path)
        page = write_page(store, tables, figures)
        return shapes | {page.name: shape(page.name, page.read_text(encoding="utf-8"))}


def _write(place: str, text: str) -> None:
    """Two score records with their measurements and a cost record, with `text` in one place."""
    score: dict[str, Any] = {
        "command": {"command": text},
        "engine": {"engine": text},
        "arithmetic": {"arithmetic": text},
        "version": {"versions": {"python": text}},
        "config": {"config": {"attention": text, "train": {"nimg": 3200}}},
        "label": {"extractor": {"name": "x", "label": text, "sha256": "a" * 64}},
        "name": {"networks": {"generator": text, "discriminator": "d"}},
        "reason": {"comparability": {"level": "none", "reasons": [text]}},
        "metric": {"metrics": {"digits-train": {f"fd/{text}": 20.5}}},
    }.get(place, {})
    cost: dict[str, Any] = {place: text} if place in ("title", "note") else {}
    for cell, rows in (("tiny", ["1:16"]), ("own", [])):
        record = score_record(cell, **{"rows": rows} | score)
        write_record(Path(f"results/p/records/{cell}.json"), record)
        made_by = [process(**({"device": text} if place == "device" else {}))]
        measured = make(Measurement, cell=cell, profile="p", record_digest=record.digest, processes=made_by)
        write_record(Path(f"results/p/measured/{cell}.json"), measured)
    write_record(Path("results/p/costs/g32-lada-conv.json"), cost_record("g32-lada-conv", **cost))


def shape(name: str, content: str) -> Any:
    """What a program sees of a file beside its text: rows and columns, elements and commands."""
    return {".csv": _csv_shape, ".md": _markdown_shape, ".tex": _latex_shape, ".html": _html_shape}[Path(name).suffix](content)


def _csv_shape(content: str) -> tuple[list[int], list[str]]:
    rows = list(csv.reader(io.StringIO(content)))
    return [len(row) for row in rows], [
        cell for row in rows for cell in row if re.match(r"[=+\-@\t\r]", cell) and not NUMBER.fullmatch(cell)
    ]


def _markdown_shape(content: str) -> list[dict[str, int]]:
    plain = re.sub(r"\\[\\`*\[\]|]", "", content)  # without what is escaped
    return [{sign: line.count(sign) for sign in "|<[`"} for line in plain.split("\n")]


def _latex_shape(content: str) -> list[int]:
    return [content.count(command) for command in ("\\input", "\\write", "\\def", "^^", "\n", "\\\\", "\\end")]


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment",))


def _html_shape(content: str) -> list[tuple[str, ...]]:
    elements = _Elements()
    elements.feed(content)
    elements.close()
    return elements.found
