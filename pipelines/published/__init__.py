"""The authors' published weights."""
