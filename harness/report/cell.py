"""One figure of a table: what is printed, what was measured for it, and the verdict."""

from dataclasses import dataclass

from harness.report.verdicts import DIVERGED, NO_CONFIGURATION, NOT_RUN, interval


@dataclass(frozen=True)
class Cell:
    """One printed figure and what was measured for it; `value` is the mean of `points`, one per seed."""

    quantity: str  # a metric's name, or one of harness.paper.table.COSTS
    printed: str
    verdict: str = NOT_RUN
    value: float | None = None
    points: tuple[float, ...] = ()
    is_proxy: bool = False
    label: str = ""  # the key of the record's scores that the figure comes from
    records: tuple[str, ...] = ()  # cells or networks whose records the figure comes from

    @property
    def text(self) -> str:
        """The measured figure at four decimals, or why there is none."""
        if self.value is not None:
            return f"{self.value:.4f}"
        if self.verdict == NO_CONFIGURATION:
            return NO_CONFIGURATION
        return DIVERGED if self.records and not self.points else NOT_RUN

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 90% interval of the mean over seeds; None with fewer than two."""
        return interval(self.points) if len(self.points) > 1 else None
