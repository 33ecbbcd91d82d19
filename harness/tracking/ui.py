"""Serves MLflow's interface on the loopback address, and prints links to its comparison charts."""

import os
import socket
import sys

from harness.errors import HarnessError
from harness.processes import run_to_the_end
from harness.tracking.database import QUIET, connect, database_uri, experiment_id

HOST = "127.0.0.1"


def chart_link(port: int, experiment: str) -> str:
    """The page that compares an experiment's runs in charts. The plain address would show panels for language models."""
    return f"http://{HOST}:{port}/#/experiments/{experiment}/runs?workflowType=machine_learning&compareRunsMode=CHART"


def serve(profiles: list[str], port: int) -> None:
    """Prints one link per profile and serves until interrupted. HarnessError if the port is in use."""
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise HarnessError(f"port {port} is in use; stop what listens there or choose another with --port")
    client = connect()
    for profile in profiles:
        print(f"{profile}: {chart_link(port, experiment_id(client, profile))}", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", database_uri(), "--host", HOST, "--port", str(port)]
    try:
        status = run_to_the_end([*command, "--workers", "1"], os.environ | QUIET)
    except KeyboardInterrupt:
        print("stopped")
        return
    if status:
        raise HarnessError(f"mlflow ui ended with status {status}; see its message above")
