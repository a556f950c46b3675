"""What a reader found wrong, kept beside what it could read."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.errors import BadInput


@dataclass(slots=True)
class Findings:
    """Filled by the readers of one import; errors are kept as values so that one bad row stops no good one."""

    bad: list[BadInput] = field(default_factory=list)
    """Something handed in was refused: a row, a picture, a field. The command ends with exit 2."""
    warnings: list[BadInput] = field(default_factory=list)
    """Odd, said aloud, and read all the same."""

    def refuse(self, error: BadInput) -> None:
        """Note something that was refused."""
        self.bad.append(error)

    def warn(self, error: BadInput) -> None:
        """Note something odd that was kept."""
        self.warnings.append(error)
