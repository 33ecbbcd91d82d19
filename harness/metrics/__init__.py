"""FID, sFID, IS, precision and recall: how they are computed, and when a score may have these names."""
