"""Checks for the first ten minutes on a CUDA machine: `make gpu`, or `python -m pipelines.gpu`."""
