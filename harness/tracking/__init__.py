"""MLflow as a projection of the records: rebuilt from them at any time, never the source of anything."""

from harness.tracking.live import live_run

__all__ = ["live_run"]
