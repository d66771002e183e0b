"""What a parity run prints."""

from dataclasses import dataclass

HEADER = ["what", "PyTorch", "bertline", "difference", "limit", ""]


@dataclass(frozen=True)
class Row:
    """A comparison. One without a limit is told and not judged."""

    what: str
    pytorch: str
    bertline: str
    difference: float
    limit: float | None

    @property
    def failed(self) -> bool:
        # Negated, so that a difference that is no number fails.
        return self.limit is not None and not self.difference <= self.limit

    def cells(self) -> list[str]:
        limit = "" if self.limit is None else f"{self.limit:.2g}"
        verdict = "FAIL" if self.failed else "" if self.limit is None else "ok"
        return [self.what, self.pytorch, self.bertline, f"{self.difference:.2g}", limit, verdict]


def table(rows: list[Row]) -> str:
    """Columns as wide as they need to be, the first to the left and the others to the right."""
    lines = [HEADER] + [row.cells() for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    lines.insert(1, ["-" * width for width in widths])
    aligned = [[cells[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(cells[1:], widths[1:])] for cells in lines]
    return "\n".join(" | ".join(cells).rstrip() for cells in aligned)
