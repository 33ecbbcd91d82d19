"""One figure of a table: the printed value, the measured value and the verdict."""

from dataclasses import dataclass

from harness.report.verdicts import DIVERGED, NO_CONFIGURATION, NOT_RUN, interval


@dataclass(frozen=True)
class Cell:
    """One printed figure, and what was measured for it."""

    quantity: str  # a metric's name, or one of harness.paper.table.COSTS
    printed: str
    verdict: str = NOT_RUN
    value: float | None = None  # measured; the mean of `points`
    points: tuple[float, ...] = ()  # measured, one per seed
    is_proxy: bool = False
    label: str = ""  # key of the score in the records
    records: tuple[str, ...] = ()  # cells or networks that it was measured on

    @property
    def text(self) -> str:
        """The measured figure with four decimals, or the reason why there is none."""
        if self.value is not None:
            return f"{self.value:.4f}"
        if self.verdict == NO_CONFIGURATION:
            return NO_CONFIGURATION
        return DIVERGED if self.records and not self.points else NOT_RUN

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 90% interval of the mean over seeds. None for fewer than two seeds."""
        return interval(self.points) if len(self.points) > 1 else None
