"""Serves MLflow's interface on the loopback address, and prints links to its comparison charts."""

import os
import socket
import sys
import threading
from collections.abc import Callable

from harness.errors import HarnessError
from harness.names import experiment_name
from harness.processes import run_to_the_end
from harness.progress import say
from harness.tracking.database import DATABASE, connect, database_uri, experiment_id
from harness.tracking.repair import damage

HOST = "127.0.0.1"
# The classic charts (the plain address opens on panels for language models), runs in the order of their names, as the tables.
CHARTS = "runs?workflowType=machine_learning&compareRunsMode=CHART&orderByKey=tags.%60mlflow.runName%60&orderByAsc=true"


def chart_link(server: str, experiment: str) -> str:
    """The page of a server that compares an experiment's runs in charts."""
    return f"{server.rstrip('/')}/#/experiments/{experiment}/{CHARTS}"


def print_links(profiles: list[str], server: str, uri: str | None) -> None:
    """One link per profile."""
    client = connect(uri)
    for profile in profiles:
        print(f"{profile}: {chart_link(server, experiment_id(client, experiment_name(profile)))}", flush=True)


def serve(port: int, uri: str | None, update: Callable[[], None]) -> None:
    """Serves a database until interrupted. `update` brings it in line: at the same time, because both take seconds to start, or
    first if there is none yet. HarnessError if the port is in use."""
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise HarnessError(f"port {port} is in use; stop what listens there or choose another with --port")
    if uri or (DATABASE.is_file() and not damage()):
        threading.Thread(target=_reported, args=(update,), daemon=True).start()
    else:
        update()
    command = [sys.executable, "-m", "harness.tracking.server", uri or database_uri(), HOST, str(port)]
    try:
        status = run_to_the_end(command, os.environ)
    except KeyboardInterrupt:
        say("stopped")
        return
    if status:
        raise HarnessError(f"MLflow's server ended with status {status}; its own message stands above")


def _reported(update: Callable[[], None]) -> None:
    """What is served is worth seeing even where the records cannot be read."""
    try:
        update()
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
