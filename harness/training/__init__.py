"""Training, identical for every contender: the paper's step, the engines that run it, and a loop that survives being killed."""
