"""What a section found, and how it is written down."""

from dataclasses import dataclass, field


@dataclass
class Line:
    """One line of a table: subject, figure, ratio, bar, and whether it held (None where there is no bar)."""

    subject: str
    figure: str
    ratio: str = ""
    bar: str = ""
    held: bool | None = None


@dataclass
class Findings:
    """One section: a title, what was asked and with which switches, and a table."""

    title: str
    about: str
    ratio_of: str = "ratio"
    lines: list[Line] = field(default_factory=list[Line])
    notes: list[str] = field(default_factory=list[str])

    def add(self, subject: str, figure: str, ratio: str = "", bar: str = "", held: bool | None = None) -> None:
        """Appends a line."""
        self.lines.append(Line(subject, figure, ratio, bar, held))

    def markdown(self) -> str:
        """The section as Markdown."""
        table = [f"| subject | figure | {self.ratio_of} | bar | |", "| --- | --- | --- | --- | --- |"]
        for line in self.lines:
            held = "" if line.held is None else ("held" if line.held else "**not held**")
            table.append(f"| {line.subject} | {line.figure} | {line.ratio} | {line.bar} | {held} |")
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([f"## {self.title}", "", self.about, "", *table, *([""] if notes else []), *notes, ""])


def ms(seconds: float) -> str:
    """Milliseconds with three figures that matter."""
    value = seconds * 1000
    return f"{value:.2f} ms" if value < 10 else f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"


def mb(size: float) -> str:
    """Bytes as megabytes of 1,000,000."""
    return f"{size / 1e6:.1f} MB"


def times(ratio: float) -> str:
    """A ratio."""
    return f"{ratio:.2f}x"
