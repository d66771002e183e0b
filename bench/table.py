"""Figures side by side, as a Markdown table."""

from dataclasses import dataclass
from statistics import median

HEADER = ["what", "unit", "bertline", "against", "its figure", "ratio", "reach", ""]


@dataclass(frozen=True)
class Reach:
    """A bound on the ratio, or on the figure itself where nothing stands against it."""

    sign: str
    bound: float

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}"

    def met(self, value: float) -> bool:
        return value <= self.bound if self.sign == "≤" else value >= self.bound


def at_most(bound: float) -> Reach:
    return Reach("≤", bound)


def at_least(bound: float) -> Reach:
    return Reach("≥", bound)


@dataclass(frozen=True)
class Row:
    """A comparison: the values that each side was measured at. One without a reach is told and not judged."""

    what: str
    unit: str
    ours: list[float]
    against: str = ""
    theirs: list[float] | None = None
    reach: Reach | None = None

    @property
    def ratio(self) -> float | None:
        """Of the medians, ours over theirs."""
        return median(self.ours) / median(self.theirs) if self.ours and self.theirs else None

    def cells(self) -> list[str]:
        judged = self.ratio if self.theirs else median(self.ours)
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        reach = "" if self.reach is None else str(self.reach)
        verdict = "" if self.reach is None else "met" if self.reach.met(judged) else "**missed**"
        return [self.what, self.unit, shown(self.ours), self.against, shown(self.theirs or []), ratio, reach, verdict]


def shown(values: list[float]) -> str:
    """The median, and the least and the greatest where there are several."""
    if not values:
        return ""
    spread = f" ({number(min(values))}–{number(max(values))})" if len(values) > 1 else ""
    return number(median(values)) + spread


def number(value: float) -> str:
    """Three digits at least."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{decimals}f}"


def table(rows: list[Row]) -> str:
    lines = [HEADER, ["---"] * len(HEADER), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
