"""Reads checkpoints of other training programs without those programs."""
