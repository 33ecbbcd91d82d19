"""A printed table as data: `<name>.csv` holds what is printed, `<name>.yaml` beside it what the columns mean.

The table of another paper is two such files; nothing else names a table, a column or a row.
"""

import csv
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import HarnessError, unknown_choice
from harness.yaml_reading import read_yaml

FOLDER = Path(__file__).parent
NOT_PRINTED = "-"
COSTS = ("params", "flops", "throughput", "images_seen")  # what a column may hold besides a metric


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    """A column that is measured.

    `quantity` is a metric's name or one of COSTS; `network` the name of the cost record. Both may hold the words of other columns
    in braces, `{resolution}`, and so may `protocols`, a key of the table's `protocols`. A `rival` was not trained by the paper;
    `tolerance` is the share by which a cost of it may differ, by quantity, and `printed_by` says who printed its figures.
    """

    heading: str
    quantity: str
    protocols: str = ""
    network: str = ""
    rival: bool = False
    tolerance: dict[str, float] = {}
    printed_by: str = ""


class Exceptions(_Part):
    """What one row has of its own: cost records by column, rows of other tables that are the same run by column (or "*" for all),
    and entries of its configuration."""

    networks: dict[str, str] = {}
    runs: dict[str, list[str]] = {}
    configuration: dict[str, Any] = {}


class Configuration(_Part):
    """How the paper configured a row: the entry `dataset` of configurations.json, then `values`, then what each printed word
    of a column changes; `only` are the words that a row must have to have a configuration at all."""

    dataset: str
    values: dict[str, Any] = {}
    words: dict[str, dict[str, dict[str, Any]]] = {}
    only: dict[str, str] = {}


class PrintedTable(_Part):
    """One table. `words` turns printed words into parts of names, by column; `hidden` columns stay in the CSV file."""

    number: int = Field(ge=1)
    label: str
    title: str
    note: str = ""
    columns: dict[str, Column]
    headings: dict[str, str] = {}
    hidden: list[str] = []
    protocols: dict[str, list[str]] = {}
    words: dict[str, dict[str, str]] = {}
    exceptions: dict[str, Exceptions] = {}
    configuration: Configuration | None = None
    name: str = ""
    rows: tuple[dict[str, str], ...] = ()

    def exception(self, index: int) -> Exceptions:
        """What row `index`, counted from 1, has of its own."""
        return self.exceptions.get(str(index), Exceptions())

    def quantity(self, index: int, column: str) -> str:
        """What is measured in a cell: a metric's name or one of COSTS."""
        return self._filled(self.columns[column].quantity, index)

    def network(self, index: int, column: str) -> str:
        """Name of the cost record that a cell is measured by; "" where there is none."""
        given = self.exception(index).networks.get(column, self.columns[column].network)
        return self._filled(given, index)

    def patterns(self, index: int, column: str) -> tuple[str, ...]:
        """Names of the protocols that measure a cell, as patterns, best first."""
        key = self._filled(self.columns[column].protocols, index)
        return tuple(self.protocols.get(key, ()))

    def runs(self, index: int, column: str) -> list[str]:
        """Rows, as "1:16", whose runs measure a cell: the row itself, and rows of other tables that are the same run."""
        own = self.exception(index).runs
        return [f"{self.number}:{index}", *own.get("*", ()), *own.get(column, ())]

    def _filled(self, template: str, index: int) -> str:
        row = self.rows[index - 1]
        return template.format_map({column: self.words.get(column, {}).get(text, text) for column, text in row.items()})


def read_table(path: Path) -> PrintedTable:
    """The table of a YAML file and of the CSV file beside it; HarnessError for what does not fit.

    Empty entries of the CSV file are '-' in print.
    """
    given = read_yaml(path)
    try:
        with path.with_suffix(".csv").open(encoding="utf-8", newline="") as handle:
            rows = tuple({column: text or NOT_PRINTED for column, text in row.items()} for row in csv.DictReader(handle))
        table = PrintedTable.model_validate({**given, "name": path.stem, "rows": rows})
    except OSError as error:
        raise HarnessError(f"{path}: has no readable CSV file beside it ({error.strerror}); expected the printed rows") from error
    except (ValidationError, TypeError) as error:
        raise HarnessError(f"{path}: is not a printed table: {error}") from error
    missing = [column for column in table.columns if not rows or column not in rows[0]]
    if missing:
        raise HarnessError(f"{path}: column {missing[0]} does not stand in {path.with_suffix('.csv').name}; add it there")
    return table


@cache
def _tables(folder: Path) -> dict[int, PrintedTable]:
    found = [read_table(path) for path in sorted(folder.glob("table_*.yaml"))]
    tables = {table.number: table for table in sorted(found, key=lambda table: table.number)}
    if len(tables) < len(found):
        raise HarnessError(f"{folder}: two printed tables have the same number; number them apart")
    return tables


def printed_tables() -> dict[int, PrintedTable]:
    """Every printed table by its number."""
    return _tables(FOLDER)


def printed_table(number: int) -> PrintedTable:
    """One printed table; HarnessError where there is none."""
    if number not in printed_tables():
        raise unknown_choice("table", number, map(str, printed_tables()))
    return printed_tables()[number]
