"""Training, identical for every contender: the step of the paper, its engines, and a loop that cannot lose a run."""
