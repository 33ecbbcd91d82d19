"""A printed table as data: `<name>.csv` holds the printed figures, and `<name>.yaml` the meaning of the columns.

To add a table, also of another paper, write two such files. No code names a table, a column or a row.
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
COSTS = ("params", "flops", "throughput", "images_seen")  # quantities of columns, besides metrics


class _Strict(BaseModel):
    """Base of the models below: no unknown keys, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """A measured column. `quantity`, `network` and `protocols` may contain other columns' words in braces: `{resolution}`."""

    heading: str
    quantity: str  # a metric's name or one of COSTS
    protocols: str = ""  # a key of the table's `protocols`
    network: str = ""  # name of the cost record
    rival: bool = False  # whether the paper took the figures from elsewhere instead of training the network
    tolerance: dict[str, float] = {}  # {quantity: share by which a rival's cost may differ}
    printed_by: str = ""  # who printed a rival's figures first


class Exceptions(_Strict):
    """Settings of one row that differ from its table's."""

    networks: dict[str, str] = {}  # {column: name of the cost record}
    runs: dict[str, list[str]] = {}  # {column, or "*" for all: rows of other tables that show the same run}
    configuration: dict[str, Any] = {}  # entries of its configuration


class Configuration(_Strict):
    """How the paper configured a table's rows. `dataset` comes first, then `values`, then `words`."""

    dataset: str  # an entry of configurations.json
    values: dict[str, Any] = {}  # entries of the configuration
    words: dict[str, dict[str, dict[str, Any]]] = {}  # {column: {printed word: entries of the configuration}}
    only: dict[str, str] = {}  # {column: word that a row must have}; other rows have no configuration


class PrintedTable(_Strict):
    """One printed table."""

    number: int = Field(ge=1)
    label: str
    title: str
    note: str = ""
    columns: dict[str, Column]
    headings: dict[str, str] = {}
    hidden: list[str] = []  # columns of the CSV file that are not shown
    protocols: dict[str, list[str]] = {}  # {key: patterns of protocol names, best first}
    words: dict[str, dict[str, str]] = {}  # {column: {printed word: its form in names}}
    exceptions: dict[str, Exceptions] = {}  # {row, counted from 1: its exceptions}
    configuration: Configuration | None = None
    name: str = ""  # of its files
    rows: tuple[dict[str, str], ...] = ()  # {column: printed word} from the CSV file

    def exception(self, index: int) -> Exceptions:
        """The exceptions of row `index`, counted from 1."""
        return self.exceptions.get(str(index), Exceptions())

    def quantity(self, index: int, column: str) -> str:
        """The quantity in a cell of the table: a metric's name or one of COSTS."""
        return self._filled(self.columns[column].quantity, index)

    def network(self, index: int, column: str) -> str:
        """Name of the cost record for a cell of the table. "" if there is none."""
        given = self.exception(index).networks.get(column, self.columns[column].network)
        return self._filled(given, index)

    def patterns(self, index: int, column: str) -> tuple[str, ...]:
        """Patterns of the names of protocols for a cell of the table, best first."""
        key = self._filled(self.columns[column].protocols, index)
        return tuple(self.protocols.get(key, ()))

    def runs(self, index: int, column: str) -> list[str]:
        """Rows such as "1:16" whose runs count for a cell: the row itself, and rows of other tables that show the same run."""
        own = self.exception(index).runs
        return [f"{self.number}:{index}", *own.get("*", ()), *own.get(column, ())]

    def _filled(self, template: str, index: int) -> str:
        row = self.rows[index - 1]
        return template.format_map({column: self.words.get(column, {}).get(text, text) for column, text in row.items()})


def read_table(path: Path) -> PrintedTable:
    """The table in a YAML file and the CSV file beside it. HarnessError if they do not fit together.

    Empty entries of the CSV file become '-'.
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
        raise HarnessError(f"{path}: column {missing[0]} is not in {path.with_suffix('.csv').name}; add it there")
    return table


@cache
def _tables(folder: Path) -> dict[int, PrintedTable]:
    found = [read_table(path) for path in sorted(folder.glob("table_*.yaml"))]
    tables = {table.number: table for table in sorted(found, key=lambda table: table.number)}
    if len(tables) < len(found):
        raise HarnessError(f"{folder}: two printed tables have the same number; number them apart")
    return tables


def printed_tables() -> dict[int, PrintedTable]:
    """{number: printed table}."""
    return _tables(FOLDER)


def printed_table(number: int) -> PrintedTable:
    """The printed table with this number. HarnessError if there is none."""
    if number not in printed_tables():
        raise unknown_choice("table", number, map(str, printed_tables()))
    return printed_tables()[number]
