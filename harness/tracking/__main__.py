"""`python -m harness.tracking [--profile NAME] [--ui]`: brings MLflow in line with the records. A second call changes nothing."""

import argparse
import os

from harness.errors import HarnessError, run_command, unknown_choice
from harness.names import experiment_name
from harness.progress import say
from harness.records.store import Store, chosen_profiles, load_store
from harness.tracking.database import DATABASE, asked_uri, connect, experiment_id, is_server
from harness.tracking.generator import register
from harness.tracking.projection import project
from harness.tracking.repair import plain_errors, without_secrets
from harness.tracking.runs import cell_key
from harness.tracking.ui import HOST, print_links, serve


def main(argv: list[str] | None = None) -> None:
    """Writes every profile with records, or the given one, to MLflow. --ui then serves it on 127.0.0.1."""
    args = _parse(argv)
    uri = asked_uri(args.tracking_uri)
    if args.ui and not is_server(uri):
        serve(args.port, uri, lambda: update(args, uri, f"http://{HOST}:{args.port}"))
    else:
        update(args, uri, uri if is_server(uri) else None)


def update(args: argparse.Namespace, uri: str | None, server: str | None) -> None:
    """Brings the store in line, then prints a link per profile if a server shows it."""
    profiles = chosen_profiles(args.profile)
    for profile in profiles:
        store = load_store(profile)
        counts = project(store, uri)
        said = ", ".join(f"{count} runs {what}" for what, count in counts.items())
        say(f"{profile}: {said} in {without_secrets(uri) if uri else DATABASE}")
        if args.register:
            _register(store, args.register, uri)
    if uri and "DVC_STAGE" in os.environ:
        DATABASE.touch()  # the stage's output, which is elsewhere this time
    if server:
        print_links(profiles, server, uri)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m harness.tracking", description=main.__doc__)
    parser.add_argument("--profile", help="only this profile (default: every profile with records)")
    help_uri = "MLflow store to write to (default: $MLFLOW_TRACKING_URI, else mlflow.db here)"
    parser.add_argument("--tracking-uri", metavar="URI", help=help_uri)
    parser.add_argument("--register", metavar="CELL", help="register the generator of this cell; needs --profile")
    parser.add_argument("--ui", action="store_true", help="serve MLflow's interface and print the link to its comparison charts")
    parser.add_argument("--port", type=int, default=5000, help="port of the interface (default: 5000)")
    args = parser.parse_args(argv)
    if args.register and not args.profile:
        raise HarnessError(f"--register: given {args.register} alone; expected the profile of that cell too; add --profile")
    return args


def _register(store: Store, cell: str, uri: str | None) -> None:
    if cell not in store.scores:
        raise unknown_choice("cell with a record", cell, store.scores)
    with plain_errors(uri):
        client = connect(uri)
        experiment = experiment_id(client, experiment_name(store.profile))
        print(f"registered {register(client, experiment, store.profile, cell_key(store.profile, cell))}")


if __name__ == "__main__":
    run_command(main)
