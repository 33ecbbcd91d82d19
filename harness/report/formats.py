"""CSV, Markdown and LaTeX text from rows, and the short form of a cell that a person reads."""

import csv
import io
import unicodedata
from statistics import stdev

from harness.paper import QUANTITIES
from harness.report.cells import Cell
from harness.report.verdicts import DIFFERS, INCONCLUSIVE, NOT_COMPARABLE, NOT_RUN, REPRODUCED

COSTS = {"g_gflops", "d_gflops", *QUANTITIES[5]}  # never measured with another extractor, so they have no proxy column
MARKS = {REPRODUCED: "✓", DIFFERS: "✗", INCONCLUSIVE: "?", NOT_COMPARABLE: "n.c."}
LEGEND = "printed / measured; ✓ reproduced, ✗ differs, ? inconclusive, n.c. not comparable with the printed figure; - not printed"
HEADINGS = {
    "g_gflops": "G GMAC", "d_gflops": "D GMAC", "fid": "FID", "sfid": "sFID", "is": "IS", "precision": "Prec.", "recall": "Rec.",
    "residual_mlp": "res. MLP", "convolution": "conv", "discriminator": "D", "d_lr": "D lr", "g_dims": "G dims",
    "fid_50k": "FID 50k", "fid_10k": "FID 10k", "cifar10_32_50k": "CIFAR-10 32 (50k)", "celeba_64_19k": "CelebA 64 (19k)",
    "celeba_64_50k": "CelebA 64 (50k)", "ffhq_128_50k": "FFHQ 128 (50k)", "lsun_128_30k": "LSUN 128 (30k)",
    "lsun_256_50k": "LSUN 256 (50k)",
}  # fmt: skip
PROXY_HEADINGS = {"fid": "FD", "sfid": "sFD", "is": "ISX", "fid_50k": "FD train", "fid_10k": "FD test", "cifar10_32_50k": "FD"}
HIDDEN = {"flags_source"}  # kept in the CSV only
LATEX = str.maketrans(
    {
        "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "✓": r"$\surd$", "✗": r"$\times$", "<": "$<$", ">": "$>$",
        "×": r"$\times$", "±": r"$\pm$",
    }
)  # fmt: skip


def csv_text(rows: list[dict[str, str]]) -> str:
    """Rows of one set of columns as CSV with \\n line ends."""
    handle = io.StringIO()
    writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return handle.getvalue()


def markdown_text(headings: list[str], rows: list[list[str]]) -> str:
    """A GitHub table."""
    lines = [
        "| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in (headings, ["---"] * len(headings), *rows)
    ]
    return "\n".join(lines) + "\n"


def latex_text(name: str, caption: str, headings: list[str], rows: list[list[str]]) -> str:
    """A booktabs table; needs \\usepackage{booktabs,graphicx} in the preamble."""
    body = [" & ".join(_latex(text) for text in row) + r" \\" for row in (headings, *rows)]
    lines = [
        r"\begin{table}", rf"\caption{{{_latex(caption)}}}", rf"\label{{tab:{name.replace('_', '-')}}}",
        r"\resizebox{\linewidth}{!}{%", rf"\begin{{tabular}}{{{'l' * len(headings)}}}", r"\toprule",
        body[0], r"\midrule", *body[1:], r"\bottomrule", r"\end{tabular}}", r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def latex_document(names: list[str]) -> str:
    """A document of all the tables: `pdflatex all_tables.tex` in their folder."""
    inputs = "\n".join(rf"\input{{{name}}}" for name in names)
    return "\\documentclass{article}\n\\usepackage{booktabs,graphicx}\n\\begin{document}\n" + inputs + "\n\\end{document}\n"


def _latex(text: str) -> str:
    """`text` with LaTeX's characters escaped; letters with accents lose them, so that no font or encoding is needed."""
    return unicodedata.normalize("NFKD", text.translate(LATEX)).encode("ascii", "ignore").decode()


def quantity_columns(column: str, cell: Cell) -> dict[str, str]:
    """The CSV columns of one figure: printed, measured, proxy where a score, verdict."""
    columns = {column: cell.printed, f"{column}_measured": NOT_RUN if cell.is_proxy else cell.text}
    if column not in COSTS:
        columns[f"{column}_proxy"] = cell.text if cell.is_proxy else NOT_RUN
    return columns | {f"{column}_verdict": cell.verdict}


def run_names(cells: dict[str, Cell]) -> dict[str, str]:
    """The CSV columns that say how many runs are behind a row's scores, and which records behind all of it."""
    names = dict.fromkeys(name for cell in cells.values() for name in cell.records)
    seeds = max((len(cell.records) for column, cell in cells.items() if column not in COSTS), default=0)
    return {"seeds": str(seeds), "records": " ".join(names) or NOT_RUN}


def measured_text(cell: Cell, column: str) -> str:
    """The measured figure for a person: costs at four decimals, scores at two, with their spread over several seeds."""
    if cell.value is None:
        return cell.text
    digits = 4 if column in COSTS else 2
    spread = f" ± {stdev(cell.points):.{digits}f} ({len(cell.points)} seeds)" if len(cell.points) > 1 else ""
    return f"{cell.value:.{digits}f}{spread}"


def short_text(cell: Cell, column: str) -> str:
    """`printed / measured mark`."""
    mark = MARKS.get(cell.verdict, "") if cell.value is not None else ""
    return f"{cell.printed} / {measured_text(cell, column)} {mark}".strip()


def heading(column: str, cells: list[Cell]) -> str:
    """A column's heading; a column with proxies names both metrics."""
    name = HEADINGS.get(column, column.replace("_", " "))
    proxy = any(cell.is_proxy for cell in cells) and PROXY_HEADINGS.get(column)
    return f"{name} / {proxy}" if proxy else name


def short_grid(table_rows: list[tuple[dict[str, str], dict[str, Cell]]]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of short texts, for Markdown and LaTeX."""
    columns = [column for column in table_rows[0][0] if column not in HIDDEN]
    headings = [heading(column, [cells[column] for _, cells in table_rows if column in cells]) for column in columns]
    rows = [
        [short_text(cells[column], column) if column in cells else row[column] for column in columns] for row, cells in table_rows
    ]
    return headings, rows
