"""The printed tables of the paper, with their source."""
