"""Shows the records in MLflow. The database can be rebuilt from the records at any time, and nothing reads results from it."""

from harness.tracking.live import live_run

__all__ = ["live_run"]
