"""Result records. Tables, figures and MLflow read their results only from them."""
