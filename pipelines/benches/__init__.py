"""Committed benchmarks: each alternates two sides in one run and writes results/bench/<device>/."""
