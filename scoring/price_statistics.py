"""What the market asks for one product: robust location and spread of log prices."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist, median

from domain.catalog import Money

_NORMAL_SPREAD = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution."""
_LEAST_SPREAD = 0.15
"""Prices that all agree still leave room: 15 percent is no outlier."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceStatistics:
    """Prices of offers of one product, in one currency."""

    currency: str
    """ISO 4217."""
    count: int
    """How many prices."""
    median_log: float
    """Median of the natural logarithms."""
    deviation_log: float
    """Median absolute deviation of the natural logarithms."""

    def median(self) -> Money:
        """The middle price, to the hundredth."""
        return Money(amount=Decimal(f"{math.exp(self.median_log):.2f}"), currency=self.currency)

    def quantile(self, price: float) -> float:
        """Share of offers expected to be cheaper than `price`, 0 to 1 (0 = cheapest), by a log-normal model."""
        spread = max(_LEAST_SPREAD, _NORMAL_SPREAD * self.deviation_log)
        return NormalDist(self.median_log, spread).cdf(math.log(price))


def summarize_prices(prices: Iterable[Decimal], currency: str) -> PriceStatistics | None:
    """Statistics of positive prices in one currency; None when there is none."""
    logs = [math.log(price) for price in prices if price > 0]
    if not logs:
        return None
    middle = median(logs)
    deviation = median(abs(value - middle) for value in logs)
    return PriceStatistics(currency=currency, count=len(logs), median_log=middle, deviation_log=deviation)
