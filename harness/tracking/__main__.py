"""`python -m harness.tracking [--profile NAME] [--ui]`: updates mlflow.db from the records. A second call changes nothing."""

import argparse

from harness.errors import run_command
from harness.records.store import chosen_profiles, load_store
from harness.tracking.database import database_uri
from harness.tracking.projection import project
from harness.tracking.ui import serve


def main() -> None:
    """Writes every profile with records, or the given one, to mlflow.db. --ui then serves it on 127.0.0.1."""
    parser = argparse.ArgumentParser(prog="python -m harness.tracking", description=main.__doc__)
    parser.add_argument("--profile", help="only this profile (default: every profile with records)")
    parser.add_argument("--ui", action="store_true", help="serve MLflow's interface and print the link to its comparison charts")
    parser.add_argument("--port", type=int, default=5000, help="port of the interface (default: 5000)")
    args = parser.parse_args()
    profiles = chosen_profiles(args.profile)
    for profile in profiles:
        counts = project(load_store(profile))
        print(f"{profile}: " + ", ".join(f"{count} runs {what}" for what, count in counts.items()) + f" in {database_uri()}")
    if args.ui:
        serve(profiles, args.port)


if __name__ == "__main__":
    run_command(main)
