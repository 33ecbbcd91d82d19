"""Whatever must be identical for every contender; knows no architecture."""
