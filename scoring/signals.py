"""Every signal and guard there is, in the order in which a person reads them."""

from __future__ import annotations

from domain.assessment import Finding
from domain.listing import Listing
from domain.match import Matches
from scoring.altered_logo import AlteredLogo
from scoring.authorized_seller import AuthorizedSeller
from scoring.brand_claim import BrandClaim
from scoring.coded_language import CodedLanguage
from scoring.compatible_part import CompatiblePart
from scoring.confusing_seller_name import ConfusingSellerName
from scoring.context import CatalogView
from scoring.copied_photo import CopiedPhoto
from scoring.interfaces import Detector
from scoring.logo_misuse import LogoMisuse
from scoring.own_photo import OwnPhoto
from scoring.suspicious_price import SuspiciousPrice

SIGNALS: tuple[Detector, ...] = (
    CopiedPhoto(),
    LogoMisuse(),
    AlteredLogo(),
    BrandClaim(),
    CodedLanguage(),
    SuspiciousPrice(),
    ConfusingSellerName(),
)
GUARDS: tuple[Detector, ...] = (AuthorizedSeller(), OwnPhoto(), CompatiblePart())


def find_signals(listing: Listing, matches: Matches, catalog: CatalogView) -> tuple[Finding, ...]:
    """The signals raised, in the order of `SIGNALS`."""
    return _find(SIGNALS, listing, matches, catalog)


def find_guards(listing: Listing, matches: Matches, catalog: CatalogView) -> tuple[Finding, ...]:
    """The guards that hold, in the order of `GUARDS`."""
    return _find(GUARDS, listing, matches, catalog)


def _find(
    detectors: tuple[Detector, ...], listing: Listing, matches: Matches, catalog: CatalogView
) -> tuple[Finding, ...]:
    found = (detector.find(listing, matches, catalog) for detector in detectors)
    return tuple(finding for finding in found if finding is not None)
