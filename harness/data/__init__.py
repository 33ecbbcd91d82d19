"""Datasets as uint8 arrays with a manifest."""
