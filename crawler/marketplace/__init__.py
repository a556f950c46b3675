"""The bundled marketplace: invented brands, goods, sellers and photographs from a seed, and the site that sells them.

It stands in for no real shop: every name, logo and picture is made up by code, and it knows the truth of each listing.
"""

from crawler.marketplace.generate import generate_marketplace
from crawler.marketplace.model import Marketplace
from crawler.marketplace.server import MarketplaceServer

__all__ = ["Marketplace", "MarketplaceServer", "generate_marketplace"]
