"""The photographs beside the repository go in whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.settings import Settings
from jobs.import_catalog import import_catalog
from jobs.import_listings import import_listings
from store.evidence import open_evidence
from store.interfaces import SaveCount
from store.records import open_records

pytestmark = pytest.mark.real_data


def test_realshop_goes_in_and_again_changes_nothing(realshop: Path, tmp_path: Path) -> None:
    records = open_records(f"sqlite:///{tmp_path / 'a.db'}", "default")
    evidence = open_evidence(str(tmp_path / "evidence"))
    for saved in (SaveCount(added=183), SaveCount(unchanged=183)):
        catalog = import_catalog(realshop / "catalog", records, evidence, Settings())
        assert (catalog.bad, catalog.warnings, catalog.saved) == ((), (), saved)
        assert (len(catalog.rights_holders), catalog.products, catalog.images) == (2, 183, 235)
    for saved in (SaveCount(added=1028), SaveCount(unchanged=1028)):
        listings = import_listings([realshop / "listings.jsonl"], records, evidence, Settings())
        assert (listings.bad, listings.saved) == ((), saved)
        assert (listings.listings, listings.images) == (1028, 1028)
    product = records.products("Luma Athletic (sample)")[0]
    assert product.reference_id.startswith("LUMA-")
    assert product.price
    assert evidence.read(product.images[0].sha256) == (realshop / "catalog" / product.images[0].source).read_bytes()
    assert sum(listing.price is not None for listing in records.listings()) == 1028
    records.close()
