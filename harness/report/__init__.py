"""Makes tables, figures and pages from records alone."""
