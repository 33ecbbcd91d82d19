"""`python -m harness.records`: writes the JSON schemas of all result files to results/schema."""

from harness.errors import run_command
from harness.records.schemas import write_schemas


def main() -> None:
    """Writes the schemas and names them."""
    print(*write_schemas(), sep="\n")


if __name__ == "__main__":
    run_command(main)
