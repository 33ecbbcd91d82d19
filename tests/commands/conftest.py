"""The synthetic records of tests/report."""

import importlib.util
from pathlib import Path

spec = importlib.util.spec_from_file_location("report_fixtures", Path(__file__).parents[1] / "report" / "conftest.py")
fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fixtures)
add_score, add_cost, digits = fixtures.add_score, fixtures.add_cost, fixtures.digits
