"""The rivals: attention mechanisms and generators."""
