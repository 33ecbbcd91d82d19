"""Result records: the only source of truth for the tables, the figures and MLflow."""
