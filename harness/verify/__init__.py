"""Checks that the tables follow from the records, and that the records are what was measured."""
