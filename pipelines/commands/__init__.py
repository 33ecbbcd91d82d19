"""Commands around the stages: plan, sweep, compare, new, torture."""
