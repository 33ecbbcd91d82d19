"""MLflow's own server in one process: `python -m harness.tracking.server URI HOST PORT`, which harness.tracking.ui starts.

`mlflow ui` imports MLflow twice, one after the other: in the command, and in the server that the command then starts. This does
what the command does with its defaults, and serves.
"""

import os
import sys

from harness.errors import run_command
from harness.tracking.database import ARTEFACTS, QUIET


def main() -> None:
    """Serves the store at URI until a signal ends it."""
    uri, host, port = sys.argv[1:]
    os.environ.update(QUIET)
    import uvicorn  # before mlflow.server, which guards itself against other sites' requests where it finds a server loaded

    # isort: split
    from mlflow.server.constants import ARTIFACTS_DESTINATION_ENV_VAR, SERVE_ARTIFACTS_ENV_VAR

    # For experiments that a user makes in the interface.
    os.environ.update({SERVE_ARTIFACTS_ENV_VAR: "true", ARTIFACTS_DESTINATION_ENV_VAR: f"./{ARTEFACTS}"})
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(uri, uri, "mlflow-artifacts:/")
    uvicorn.run(app, host=host, port=int(port), access_log=False)


if __name__ == "__main__":
    run_command(main)
