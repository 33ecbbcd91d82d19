"""Whether the tables are what the records say, and the records what was measured."""
