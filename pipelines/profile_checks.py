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


def check_cell(profile: "Profile", cell: "Cell") -> None:
    """HarnessError unless the cell's dataset exists, its networks have its images' size, and its engine computes as asked."""
    where, key = f"cells.{cell.name}", cell.params.data
    if key not in profile.data:
        raise unknown_choice(f"dataset ({where}.data)", key, profile.data)
    side = profile.data[key].resolution
    for name in ("generator", "discriminator"):
        given = getattr(cell, name).resolution
        if given != side:
            raise HarnessError(f"{where}: {name}.resolution is {given}, data.{key}.resolution is {side}; expected the same")
    if cell.train.engine == "reference" and cell.train.precision != "fp32":
        raise HarnessError(
            f"{where}: train.precision is {cell.train.precision}, but the reference engine always computes in fp32; "
            "expected train.precision fp32 or another train.engine"
        )


def check_rows(profile: "Profile") -> None:
    """HarnessError unless every row is in the paper, and only one cell fills it for each dataset and seed."""
    taken: dict[tuple[str, str, int], str] = {}
    for cell, row in _claims(profile):
        where = f"rows.{cell.name}"
        _check_row(row, where)
        claim = (row, cell.params.data, cell.train.seed)
        if claim in taken:
            raise HarnessError(f"{where}: given {row}, which {taken[claim]} fills with the same data and seed; remove one")
        taken[claim] = cell.name


def _check_row(row: str, where: str) -> None:
    """HarnessError unless `row` is in the paper."""
    sizes = {str(number): len(table.rows) for number, table in printed_tables().items()}
    table, _, number = row.partition(":")
    if number not in map(str, range(1, sizes.get(table, 0) + 1)):
        tables = ", ".join(f"{number} ({size} rows)" for number, size in sizes.items())
        raise HarnessError(f'{where}: given {short(row)}; expected TABLE:ROW of the paper, as "1:16"; tables are {tables}')


def _claims(profile: "Profile") -> Iterator[tuple["Cell", str]]:
    for name, rows in profile.written.rows.items():
        if name not in profile.cells:
            raise unknown_choice("cell in rows", name, profile.cells)
        yield from ((profile.cells[name], row) for row in rows)


def check_checkpoints(profile: "Profile") -> None:
    """HarnessError unless every checkpoint's data are scored against images, and its rows are in the paper."""
    for key, params in profile.checkpoints.items():
        where = f"checkpoints.{key}"
        if params.data not in profile.evaluate:
            raise unknown_choice(f"dataset in evaluate ({where}.data)", params.data, profile.evaluate)
        for row in (*params.rows, *([params.images_row] if params.images_row else [])):
            _check_row(row, where)
        for protocol in profile.evaluate[params.data].resolved():
            if protocol.statistics_file:
                given = f"{where}.data: given {params.data}, whose protocol {protocol.name} has statistics for a reference"
                raise HarnessError(f"{given}; expected protocols with reference images; remove it from evaluate")
    if profile.checkpoints and profile.features is None:
        raise HarnessError("missing features; expected the extractor with which the checkpoints are scored; add it")
