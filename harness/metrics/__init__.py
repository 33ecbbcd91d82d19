"""FID, sFID, IS, precision and recall: what they are and what they may be called."""
