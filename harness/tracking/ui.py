"""MLflow's own interface on the loopback address, opened at the comparison charts."""

import os
import socket
import subprocess
import sys

from harness.errors import HarnessError
from harness.tracking.database import QUIET, connect, database_uri, experiment_id

HOST = "127.0.0.1"


def chart_link(port: int, experiment: str) -> str:
    """The page of an experiment that compares its runs in charts (the plain address opens on panels for language models)."""
    return f"http://{HOST}:{port}/#/experiments/{experiment}/runs?workflowType=machine_learning&compareRunsMode=CHART"


def serve(profiles: list[str], port: int) -> None:
    """Prints one link per profile and serves until interrupted; HarnessError where the port is taken."""
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise HarnessError(f"port {port} is in use; stop what listens there or choose another with --port")
    client = connect()
    for profile in profiles:
        print(f"{profile}: {chart_link(port, experiment_id(client, profile))}", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", database_uri(), "--host", HOST, "--port", str(port)]
    try:
        subprocess.run([*command, "--workers", "1"], env=os.environ | QUIET, check=True)
    except KeyboardInterrupt:
        print("stopped")
    except subprocess.CalledProcessError as error:
        raise HarnessError(f"mlflow ui ended with status {error.returncode}; its own message stands above") from error
