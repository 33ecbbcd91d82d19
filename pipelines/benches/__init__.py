"""Benchmarks whose results are committed. Each alternates its contenders in one run and writes results/bench/<device>/."""
