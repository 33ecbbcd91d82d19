"""Marks runs whose record is not what params.yaml asks for now, such as another length or setting."""

from harness.records.store import Store

MARK = "‡"
NOTE = f"{MARK} a run of this row is not what params.yaml asks for now (column not_as_asked of the CSV file); run the cell again."
SHOWN = 3  # reasons shown per run


def stale_runs(store: Store) -> dict[str, str]:
    """{cell: what params.yaml asks for instead}. Empty if the profile has no params.yaml here."""
    return {cell: _said(reasons) for cell, reasons in store.mixture().items() if reasons}


def _said(reasons: list[str]) -> str:
    more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return "; ".join(reasons[:SHOWN]) + more
