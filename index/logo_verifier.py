"""What the eyes saw of one brand in one place, weighed into one calibrated probability."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from domain.errors import NotReady
from index.logistic import LogisticModel, read_logistic

FEATURE_NAMES = (
    "resemblance",
    "near_resemblance",
    "distinctness",
    "points",
    "pixels",
    "spread",
    "words",
    "detected",
)
"""What is weighed, in this order, each in [0, 1] and speaking for the brand:

- `resemblance`: cosine of the mark embeddings, less half of how close the place is to pictures without a mark;
- `near_resemblance`: by how much it exceeds NEAR, so that the last steps to likeness can weigh more than the first;
- `distinctness`: by how much the cosine exceeds that of the next brand;
- `points`, `pixels`, `spread`: how many local features agree, how well the pixels there do, how much they span;
- `words`: how much what is read looks like the brand's mark;
- `detected`: how much the place looks like a mark, whoever's.
"""
NEAR = 0.45
_ADVICE = "Restore models/logo-verifier.json, or make it: assayer train logo-verifier --data DIR."


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoVerifier:
    """The model and from which probability on a mark is named."""

    model: LogisticModel
    name_from: float
    """Over 0, up to 1: below, the answer is *no known mark*."""

    @property
    def version(self) -> str:
        """``name@sha12``."""
        return self.model.version


def load_logo_verifier(path: Path) -> LogoVerifier:
    """Raises NotReady when the file is missing, broken, or for other features."""
    model, stored = read_logistic(path, kind="logo verifier", advice=_ADVICE, feature_names=FEATURE_NAMES)
    name_from = stored.get("name_from")
    if not isinstance(name_from, int | float) or not 0 < name_from <= 1:
        raise NotReady(f"{path.name} does not say from which probability on a mark is named", advice=_ADVICE)
    return LogoVerifier(model=model, name_from=float(name_from))
