"""The tables as CSV, Markdown and LaTeX: printed figure, measured figure, verdict. Same records, same bytes."""

import csv
import io
from collections import Counter
from dataclasses import dataclass

from harness.files import write_text
from harness.paper import NOT_PRINTED, QUANTITIES, TITLES, errata
from harness.report.cells import Cell, table_cells
from harness.report.own import own_cells
from harness.report.store import Store
from harness.report.verdicts import DIFFERS, DIVERGED, INCONCLUSIVE, NOT_COMPARABLE, NOT_RUN, REPRODUCED

ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V"}
COSTS = {"g_gflops", "d_gflops", *QUANTITIES[5]}  # never measured with another extractor, so they have no proxy column
MARKS = {REPRODUCED: "✓", DIFFERS: "✗", INCONCLUSIVE: "?", NOT_COMPARABLE: "n.c."}
LEGEND = "printed / measured; ✓ reproduced, ✗ differs, ? inconclusive, n.c. not comparable with the printed figure; - not printed"
HEADINGS = {
    "g_gflops": "G GMAC", "d_gflops": "D GMAC", "fid": "FID", "sfid": "sFID", "is": "IS", "precision": "Prec.", "recall": "Rec.",
    "residual_mlp": "res. MLP", "convolution": "conv", "discriminator": "D", "d_lr": "D lr", "g_dims": "G dims",
    "fid_50k": "FID 50k", "fid_10k": "FID 10k",
}  # fmt: skip
PROXY_HEADINGS = {"fid": "FD", "sfid": "sFD", "is": "ISX", "fid_50k": "FD train", "fid_10k": "FD test", "cifar10_32_50k": "FD"}
HIDDEN = {"flags_source"}  # kept in the CSV only


@dataclass(frozen=True)
class Table:
    """A table ready to be written: name for files, title, its rows, and what its figures add up to."""

    name: str
    title: str
    rows: list[tuple[dict[str, str], dict[str, Cell]]]
    notes: list[str]

    @property
    def cells(self) -> list[Cell]:
        return [cell for _, cells in self.rows for cell in cells.values()]

    @property
    def summary(self) -> str:
        """How much of the table was measured, and what the verdicts say."""
        runs = sum(any(cell.text != NOT_RUN for cell in cells.values()) for _, cells in self.rows)
        measured = [cell for cell in self.cells if cell.text != NOT_RUN]
        counts = Counter(cell.verdict for cell in measured if cell.verdict != NOT_PRINTED)
        verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in (*MARKS, DIVERGED) if counts[verdict])
        figures = f"{runs} of {len(self.rows)} cells, {len(measured)} of {len(self.cells)} figures measured"
        return f"{figures}: {verdicts}" if verdicts else figures


def build_tables(store: Store) -> list[Table]:
    """Tables I to V, then the profile's own experiments where it has any."""
    tables = [printed(number, store) for number in TITLES]
    own = own_cells(store)
    return [*tables, Table("table_own", "Experiments outside the printed tables", own, [])] if own else tables


def printed(number: int, store: Store) -> Table:
    """One printed table beside the store's measurements."""
    rows = table_cells(number, store)
    devices = sorted({store.costs[name]["device"] for _, cells in rows for cell in cells.values() for name in cell.records
                      if name in store.costs}) if number == 5 else []  # fmt: skip
    title = f"Table {ROMAN[number]}. {TITLES[number]}"
    if devices:
        title += f" (throughput and memory measured on {', '.join(devices)})"
    return Table(f"table_{number}", title, rows, [*_proxy_notes(rows, store), *_errata_notes(number, rows)])


def _proxy_notes(rows: list, store: Store) -> list[str]:
    labels = {store.scores[name]["extractor"]["label"] for _, cells in rows for cell in cells.values() if cell.is_proxy
              for name in cell.records}  # fmt: skip
    return [
        f"FD, sFD, ISX, precision and recall are measured on the features of {label}, profile {store.profile}: "
        "they rank the rows among themselves and cannot be compared with the printed scores."
        for label in sorted(labels)
    ]


def _errata_notes(number: int, rows: list) -> list[str]:
    notes = {}
    for index, (row, cells) in enumerate(rows, start=1):
        for column in (*row, *cells):
            for entry in errata(number, index, column):
                notes.setdefault(entry["id"], f"{entry['statement']} ({entry['source']})")
    return list(dict.fromkeys(notes.values()))


def csv_rows(table: Table) -> list[dict[str, str]]:
    """Printed columns, each quantity followed by its measured figure, proxy and verdict; then where they come from."""
    rows = []
    for printed_columns, cells in table.rows:
        row = {}
        for column, text in printed_columns.items():
            row |= _quantity_columns(column, cells[column]) if column in cells else {column: text}
        names = dict.fromkeys(name for cell in cells.values() for name in cell.records)
        seeds = max((len(cell.points) for cell in cells.values()), default=0)
        rows.append(row | {"seeds": str(seeds), "records": " ".join(names) or NOT_RUN})
    return rows


def _quantity_columns(column: str, cell: Cell) -> dict[str, str]:
    columns = {column: cell.printed, f"{column}_measured": NOT_RUN if cell.is_proxy else cell.text}
    if column not in COSTS:
        columns[f"{column}_proxy"] = cell.text if cell.is_proxy else NOT_RUN
    return columns | {f"{column}_verdict": cell.verdict}


def to_csv(table: Table) -> str:
    """RFC 4180 text with \\n line ends."""
    rows = csv_rows(table)
    handle = io.StringIO()
    writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return handle.getvalue()


def short(cell: Cell, column: str) -> str:
    """`printed / measured mark` for a person to read."""
    measured = cell.text
    if cell.value is not None:
        measured = f"{cell.value:.{4 if column in COSTS else 2}f}"
        if len(cell.points) > 1:
            measured += f" ({len(cell.points)} seeds)"
        measured = f"{measured} {MARKS.get(cell.verdict, '')}".strip()
    return f"{cell.printed} / {measured}"


def heading(column: str, cells: list[Cell]) -> str:
    """A column's heading; a column with proxies names both metrics."""
    name = HEADINGS.get(column, column.replace("_", " "))
    proxy = any(cell.is_proxy for cell in cells) and PROXY_HEADINGS.get(column)
    return f"{name} / {proxy}" if proxy else name


def grid(table: Table) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of short texts, for Markdown and LaTeX."""
    columns = [column for column in table.rows[0][0] if column not in HIDDEN]
    headings = [heading(column, [cells[column] for _, cells in table.rows if column in cells]) for column in columns]
    rows = [[short(cells[column], column) if column in cells else row[column] for column in columns] for row, cells in table.rows]
    return headings, rows


def to_markdown(table: Table) -> str:
    """A GitHub table with its title, summary, legend and notes."""
    headings, rows = grid(table)
    lines = ["| " + " | ".join(cells) + " |" for cells in (headings, ["---"] * len(headings), *rows)]
    notes = "".join(f"- {note}\n" for note in table.notes)
    return f"**{table.title}**\n\n" + "\n".join(lines) + f"\n\n{table.summary} ({LEGEND}).\n\n{notes}".rstrip() + "\n"


LATEX = str.maketrans(
    {
        "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "✓": r"$\surd$", "✗": r"$\times$", "<": "$<$", ">": "$>$",
    }
)  # fmt: skip


def to_latex(table: Table) -> str:
    """A booktabs table; needs \\usepackage{booktabs,graphicx} in the preamble."""
    headings, rows = grid(table)
    body = [" & ".join(text.translate(LATEX) for text in row) + r" \\" for row in rows]
    caption = f"{table.title}. {table.summary} ({LEGEND}).".translate(LATEX)
    lines = [
        r"\begin{table}", rf"\caption{{{caption}}}", rf"\label{{tab:{table.name.replace('_', '-')}}}",
        r"\resizebox{\linewidth}{!}{%", rf"\begin{{tabular}}{{{'l' * len(headings)}}}", r"\toprule",
        " & ".join(text.translate(LATEX) for text in headings) + r" \\", r"\midrule", *body, r"\bottomrule",
        r"\end{tabular}}", r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def to_summary(tables: list[Table]) -> str:
    """One CSV row per table: what was measured and the count of each verdict."""
    verdicts = (*MARKS, DIVERGED, NOT_RUN, NOT_PRINTED)
    lines = ["table,rows,figures," + ",".join("not printed" if name == NOT_PRINTED else name for name in verdicts)]
    for table in tables:
        counts = Counter(cell.verdict for cell in table.cells)
        lines.append(f"{table.name},{len(table.rows)},{len(table.cells)}," + ",".join(str(counts[name]) for name in verdicts))
    return "\n".join(lines) + "\n"


def render(tables: list[Table]) -> dict[str, str]:
    """{file name: text} of every table file."""
    writers = {"csv": to_csv, "md": to_markdown, "tex": to_latex}
    files = {f"{table.name}.{suffix}": write(table) for table in tables for suffix, write in writers.items()}
    return files | {"summary.csv": to_summary(tables)}


def write_tables(store: Store, tables: list[Table]) -> None:
    """Writes results/<profile>/tables, each file atomically."""
    for name, text in render(tables).items():
        write_text(store.folder / "tables" / name, text)
