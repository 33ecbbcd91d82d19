"""What DVC runs: one thin module per stage."""
