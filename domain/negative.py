"""Pictures of which a rights holder says that they are not theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.match import Box
from domain.review import SeenAs


@dataclass(frozen=True, kw_only=True, slots=True)
class Negative:
    """A picture that was handed in as it is; what reviews reject needs none, they hold it themselves."""

    rights_holder: str
    sha256: str
    """Evidence digest."""
    name: str
    """Of the file, as it was given."""
    added_at: datetime
    """UTC."""

    @property
    def key(self) -> tuple[str, str]:
        """(rights_holder, sha256)."""
        return (self.rights_holder, self.sha256)


@dataclass(frozen=True, kw_only=True, slots=True)
class NegativeRegion:
    """A picture, or a part of one, that is not to be taken for what is this rights holder's."""

    rights_holder: str
    seen_as: SeenAs
    sha256: str
    """Evidence digest of the whole picture."""
    box: Box | None = None
    """None: the whole of it."""

    @property
    def place(self) -> tuple[str, str, str, Box]:
        """To be ordered by: None and a box cannot be compared."""
        return (self.rights_holder, self.seen_as, self.sha256, self.box or (0.0, 0.0, 0.0, 0.0))
