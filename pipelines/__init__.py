"""The stages that DVC runs, each a thin module, and what composes them."""
