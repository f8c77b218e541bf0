"""A market that moves at random, in the same way every time."""

from __future__ import annotations

import random
from typing import Literal, NamedTuple

__all__ = ["Market", "Trade"]


class Trade(NamedTuple):
    """A trade. ``id`` counts up by one."""

    id: int
    price: float
    size: float
    side: Literal["buy", "sell"]


class Market:
    """The trades of one symbol; every market of that symbol has the same ones."""

    def __init__(self, symbol: str, price: float = 67_000.0, first_id: int = 1_000_000) -> None:
        self._random = random.Random(symbol)
        self.open = self.low = self.high = self.price = price
        self.volume = 0.0
        self._turnover = 0.0
        self._next_id = first_id

    def trade(self) -> Trade:
        """The next trade."""
        self.price = round(self.price * (1 + self._random.gauss(0, 0.0002)), 2)
        self.low = min(self.low, self.price)
        self.high = max(self.high, self.price)
        size = round(self._random.expovariate(20) + 0.00001, 8)
        self.volume = round(self.volume + size, 8)
        self._turnover += size * self.price
        self._next_id += 1
        return Trade(self._next_id - 1, self.price, size, self._random.choice(("buy", "sell")))

    @property
    def average(self) -> float:
        """The average price, weighted by volume."""
        return round(self._turnover / self.volume, 2) if self.volume else self.price

    @property
    def bid(self) -> float:
        """The best price to sell at."""
        return round(self.price - 0.01, 2)

    @property
    def ask(self) -> float:
        """The best price to buy at."""
        return round(self.price + 0.01, 2)

    def size(self) -> float:
        """How much is on offer at the best price."""
        return round(self._random.uniform(0.01, 2), 8)
