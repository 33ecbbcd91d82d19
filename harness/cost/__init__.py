"""Costs of networks: MACs, parameters, throughput, memory and energy."""
