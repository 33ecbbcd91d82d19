"""Reads the checkpoints of other people's training programs without those programs."""
