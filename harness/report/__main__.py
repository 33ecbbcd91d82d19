"""`python -m harness.report [--profile NAME]`: writes tables, figures and pages from the records alone."""

import harness.pinned  # noqa: F401, I001  before numpy, so that figures have the same bytes on every machine

import argparse

from harness.errors import run_command
from harness.locks import output_lock
from harness.progress import say
from harness.records.store import RESULTS, chosen_profiles, load_store
from harness.report.claims import claim_summary, decide
from harness.report.manifest import write_manifest
from harness.report.page import write_page
from harness.report.table_files import render_measured, render_repeating, write_files
from harness.report.tables import build_tables, headline


def main() -> None:
    """Reports on every profile with records, or on the given one."""
    parser = argparse.ArgumentParser(prog="ladabench report", description=main.__doc__)
    parser.add_argument("--profile", help="only this profile (default: every profile with records)")
    parser.add_argument(
        "--single-file", action="store_true", help="also write report_single.html, with every picture inside, to send by mail"
    )
    args = parser.parse_args()
    for profile in chosen_profiles(args.profile):
        with output_lock(RESULTS / profile / "tables"):
            report(profile, args.single_file)


def report(profile: str, single_file: bool = False) -> None:
    """Writes one profile's tables, figures and page, and prints a summary."""
    from harness.report.figures import draw_figures  # seaborn takes seconds; a corrupt record is reported before that

    store = load_store(profile)
    tables = build_tables(store)
    repeating = write_files(store, render_repeating(store, tables))
    measured = write_files(store, render_measured(store, tables))
    drawn = draw_figures(store)
    page = write_page(store, tables, [*drawn.repeating, *drawn.measured])
    write_manifest(store, [*repeating, *drawn.repeating], [*measured, *drawn.measured, page])
    if single_file:
        print(f"page in one file: {write_page(store, tables, [*drawn.repeating, *drawn.measured], single_file=True)}")
    say(*(f"{table.name}: {table.summary}" for table in tables))
    count = len(drawn.repeating) + len(drawn.measured)
    say(f"tables in {store.folder / 'tables'}, {count} figures in {store.folder / 'figures'}, page {page}")
    print(f"{profile}: {headline(tables)}; {claim_summary(decide(store))}")


if __name__ == "__main__":
    run_command(main)
