"""What a CUDA machine's first ten minutes find out: `make gpu`, or `python -m pipelines.gpu`."""
