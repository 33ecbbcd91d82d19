"""One figure of a table: the printed value, the measured value and the verdict."""

from dataclasses import dataclass

from harness.report.verdicts import DIVERGED, NO_CONFIGURATION, NOT_RUN, draw_interval, interval


@dataclass(frozen=True)
class Cell:
    """One printed figure, and what was measured for it.

    `published` is what published weights give for the same figure. It stands beside what was trained and changes nothing of it.
    """

    quantity: str  # a metric's name, or one of harness.paper.table.COSTS
    printed: str
    verdict: str = NOT_RUN
    value: float | None = None  # measured; the mean of `points`
    points: tuple[float, ...] = ()  # measured, one per seed
    is_proxy: bool = False
    label: str = ""  # key of the score in the records
    records: tuple[str, ...] = ()  # cells or networks that it was measured on
    is_draws: bool = False  # the points are draws of one network, not training seeds
    published: "Cell | None" = None

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
        """The 90% interval of the mean over seeds, or of one further draw; None with fewer than two points."""
        if len(self.points) < 2:
            return None
        return draw_interval(self.points) if self.is_draws else interval(self.points)
