"""Found marks as signals need them: whose count, where they stand, and what was seen, in words."""

from __future__ import annotations

from collections.abc import Iterator

from domain.listing import Listing
from domain.match import LogoMatch, Matches
from scoring.context import CatalogView

_MOST_CHARACTERS = 60


def foreign_logos(listing: Listing, matches: Matches, catalog: CatalogView) -> tuple[LogoMatch, ...]:
    """Marks of rights holders that do not authorize the seller, most probable first."""
    authorizing = catalog.authorizing(listing.seller)
    own = (logo for logo in matches.logos if logo.probability > 0 and logo.rights_holder not in authorizing)
    return tuple(sorted(own, key=lambda logo: -logo.probability))


def place_of(logo: LogoMatch, listing: Listing) -> str:
    """Which picture shows it, to begin a sentence: ``Picture 2 of this listing``."""
    digests = [image.sha256 for image in listing.images]
    if len(digests) < 2 or logo.image_sha256 not in digests:
        return "The picture of this listing" if len(digests) < 2 else "A picture of this listing"
    return f"Picture {digests.index(logo.image_sha256) + 1} of this listing"


def mark_of(logo: LogoMatch) -> str:
    """Whose mark it is: ``the mark of Velmora``."""
    return f"the mark of {logo.brand or logo.rights_holder}"


def seen(logo: LogoMatch) -> str:
    """What each eye saw, to end a sentence: ``it resembles the logo by 0.83 of 1 and reads “VELMORA”``."""
    parts = list(_parts(logo))
    return f"it {', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else f"it {parts[0]}"


def _parts(logo: LogoMatch) -> Iterator[str]:
    yield f"resembles the logo by {max(0.0, logo.similarity):.2f} of 1"
    if logo.inliers and logo.outline:
        yield f"agrees with it in {logo.inliers} points"
    if logo.text:
        yield f"reads “{shortened(logo.text)}”"


def shortened(words: str) -> str:
    """Words read in a picture, of which hostile ones can be long."""
    return words if len(words) <= _MOST_CHARACTERS else words[: _MOST_CHARACTERS - 1].rstrip() + "…"
