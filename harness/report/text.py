"""Makes CSV, Markdown and LaTeX from rows. Escapes all text from records, so that no program takes it for a command."""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence

FORMULA = re.compile(r"[=+\-@]")  # how a formula can start in a spreadsheet
NUMBER = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?|-")  # "-" is for figures that are not printed
MARKDOWN = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\\{mark}" for mark in r"\`*[]|"})
LATEX = str.maketrans(
    {
        "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "✓": r"$\surd$", "✗": r"$\times$", "<": "$<$", ">": "$>$",
        "×": r"$\times$", "±": r"$\pm$", "‡": r"$\ddagger$",
    }
)  # fmt: skip


def csv_text(rows: Sequence[dict[str, str]]) -> str:
    """Rows with the same columns as CSV, with \\n line ends."""
    handle = io.StringIO()
    writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: csv_cell(text) for column, text in row.items()} for row in rows)
    return handle.getvalue()


def csv_cell(text: str) -> str:
    """`text` in one line, with an apostrophe in front if a spreadsheet would take it for a formula."""
    text = one_line(text)
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def one_line(text: str) -> str:
    """`text` with blanks and line ends between words reduced to one blank."""
    return " ".join(text.split())


def markdown(text: str) -> str:
    """`text` escaped for Markdown: no HTML, no link, no code, no new row."""
    return one_line(text).translate(MARKDOWN)


def markdown_text(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A GitHub table."""
    lines = [[markdown(text) for text in row] for row in (headings, *rows)]
    lines.insert(1, ["---"] * len(headings))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def latex_text(name: str, caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A booktabs table. The preamble needs \\usepackage{booktabs,graphicx}."""
    body = [" & ".join(latex(text) for text in row) + r" \\" for row in (headings, *rows)]
    lines = [
        r"\begin{table}", rf"\caption{{{latex(caption)}}}", rf"\label{{tab:{name.replace('_', '-')}}}",
        r"\resizebox{\linewidth}{!}{%", rf"\begin{{tabular}}{{{'l' * len(headings)}}}", r"\toprule",
        body[0], r"\midrule", *body[1:], r"\bottomrule", r"\end{tabular}}", r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def latex_document(names: Sequence[str]) -> str:
    """A document with all tables, for `pdflatex all_tables.tex` in their folder."""
    inputs = "\n".join(rf"\input{{{name}}}" for name in names)
    return "\\documentclass{article}\n\\usepackage{booktabs,graphicx}\n\\begin{document}\n" + inputs + "\n\\end{document}\n"


def latex(text: str) -> str:
    """`text` escaped for LaTeX. Accents are removed, so that no special font or encoding is needed."""
    return unicodedata.normalize("NFKD", one_line(text).translate(LATEX)).encode("ascii", "ignore").decode()


def grid_files(name: str, title: str, rows: Sequence[dict[str, str]]) -> dict[str, str]:
    """{file name: text} of a table of plain text in three formats. Empty without rows."""
    if not rows:
        return {}
    headings, grid = list(rows[0]), [list(row.values()) for row in rows]
    return {
        f"{name}.csv": csv_text(rows),
        f"{name}.md": f"**{markdown(title)}**\n\n{markdown_text(headings, grid)}",
        f"{name}.tex": latex_text(name, f"{title}.", headings, grid),
    }
