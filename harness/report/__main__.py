"""`python -m harness.report [--profile NAME]`: rebuilds tables and figures from the records alone."""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse

from harness.errors import run_command
from harness.records.store import chosen_profiles, load_store
from harness.report.manifest import write_manifest
from harness.report.page import write_page
from harness.report.tables import build_tables, write_tables


def main() -> None:
    """Every profile with records, or the one asked for."""
    parser = argparse.ArgumentParser(prog="python -m harness.report", description=main.__doc__)
    parser.add_argument("--profile", help="only this profile (default: every profile with records)")
    for profile in chosen_profiles(parser.parse_args().profile):
        report(profile)


def report(profile: str) -> None:
    """Writes one profile's tables and figures and says what they hold."""
    from harness.report.figures import draw_figures  # seaborn takes seconds; a corrupt record is reported before that

    store = load_store(profile)
    tables = build_tables(store)
    written = write_tables(store, tables)
    figures = draw_figures(store)
    page = write_page(store, tables, figures)
    write_manifest(store, [*written, *figures, page])
    for table in tables:
        print(f"{table.name}: {table.summary}")
    print(f"tables in {store.folder / 'tables'}, {len(figures)} figures in {store.folder / 'figures'}, page {page}")


if __name__ == "__main__":
    run_command(main)
