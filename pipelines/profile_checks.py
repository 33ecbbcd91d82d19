"""Checks that the sections of a params.yaml fit together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, short, unknown_choice
from harness.paper import printed_tables
from pipelines.sections import ScoringParams

if TYPE_CHECKING:  # these modules import this one
    from pipelines.compose import Cell
    from pipelines.profile import Profile


def check_evaluate(profile: "Profile") -> None:
    """HarnessError unless every dataset has an entry in `evaluate` with suitable protocols, or no dataset has one."""
    for key, scoring in profile.evaluate.items():
        if key not in profile.data:
            raise unknown_choice("dataset in evaluate", key, profile.data)
        _check_protocols(scoring, profile.data[key], f"evaluate.{key}", key)
    missing = profile.data.keys() - profile.evaluate.keys()
    if missing and (profile.evaluate or profile.written.cells):
        raise HarnessError(f"evaluate: missing {', '.join(sorted(missing))}; expected an entry for every key of `data`; add it")
    if profile.written.cells and profile.features is None:
        raise HarnessError("missing features; expected the extractor with which the cells are scored; add it")


def _check_protocols(scoring: ScoringParams, entry: Any, where: str, key: str) -> None:
    """HarnessError if a protocol is for another dataset, or for another preparation of it."""
    for protocol in scoring.resolved():
        wanted = {} if protocol.dataset is None else {"name": protocol.dataset, **protocol.preparation}
        for name, value in wanted.items():
            given = getattr(entry, name, None)
            if given != value:
                needs = f"protocol {protocol.name} needs {value!r}"
                raise HarnessError(f"{where}: data.{key}.{name} is {given!r}; {needs}; change one of the two")
        if protocol.statistics_file and scoring.statistics is None:
            raise HarnessError(
                f"{where}.statistics: missing; protocol {protocol.name} needs the path of {protocol.statistics_file}; add it"
            )


def check_rows(profile: "Profile") -> None:
    """HarnessError unless every row is in the paper, and only one cell fills it for each dataset and seed."""
    sizes = {str(number): len(table.rows) for number, table in printed_tables().items()}
    taken: dict[tuple[str, str, int], str] = {}
    for cell, row in _claims(profile):
        where, (table, _, number) = f"rows.{cell.name}", row.partition(":")
        if number not in map(str, range(1, sizes.get(table, 0) + 1)):
            tables = ", ".join(f"{number} ({size} rows)" for number, size in sizes.items())
            raise HarnessError(f'{where}: given {short(row)}; expected TABLE:ROW of the paper, as "1:16"; tables are {tables}')
        claim = (row, cell.params.data, cell.train.seed)
        if claim in taken:
            raise HarnessError(f"{where}: given {row}, which {taken[claim]} fills with the same data and seed; remove one")
        taken[claim] = cell.name


def _claims(profile: "Profile") -> Iterator[tuple["Cell", str]]:
    for name, rows in profile.written.rows.items():
        if name not in profile.cells:
            raise unknown_choice("cell in rows", name, profile.cells)
        yield from ((profile.cells[name], row) for row in rows)
