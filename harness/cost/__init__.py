"""MACs, parameters, throughput and memory."""
