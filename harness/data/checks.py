"""Checks that several datasets share."""


def check_range(key: str, value: float, low: float, high: float) -> None:
    """ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"{key}: given {value}; expected a number from {low} to {high}")
