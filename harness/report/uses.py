"""Which figures of the tables come from which record. The page lists them with the record's provenance."""

from harness.report.formats import measured_text, published_text
from harness.report.tables import Table


def uses_of_records(tables: list[Table]) -> dict[str, list[str]]:
    """{cell or network: ["Table I, row 16: fid printed 3.29, measured 21.43, not comparable; ...", ...]}."""
    uses: dict[str, list[str]] = {}
    for table in tables:
        for index, (_, cells) in enumerate(table.rows, start=1):
            of_row: dict[str, list[str]] = {}
            for column, cell in cells.items():
                figure = f"{column} printed {cell.printed}, measured {measured_text(cell)}, {cell.verdict}"
                for record in cell.records:
                    of_row.setdefault(record, []).append(figure)
                for record in cell.published.records if cell.published else ():
                    of_row.setdefault(record, []).append(f"{column} printed {cell.printed}, {published_text(cell)}")
            for record, figures in of_row.items():
                uses.setdefault(record, []).append(f"{table.label}, row {index}: {'; '.join(figures)}")
    return uses
