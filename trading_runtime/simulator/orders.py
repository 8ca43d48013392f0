"""Resting orders, and the crowds that they belong to."""

import random


class Order:
    """One resting order; ``lots`` is what is left of it."""

    __slots__ = ("crowd", "lots", "number", "place", "price")

    def __init__(self, number: int, price: int, lots: int, crowd: "Crowd") -> None:
        self.number = number
        self.price = price
        self.lots = lots
        self.crowd = crowd
        self.place = 0


class Crowd:
    """Orders of one side that are as patient as each other: each is cancelled at one rate.

    Their number steadies itself: the more there are, the more are cancelled (Cont, Stoikov,
    Talreja, 2010, "A stochastic model for order book dynamics", Operations Research 58).
    """

    __slots__ = ("cancel_rate", "orders")

    def __init__(self, life_s: float) -> None:
        self.cancel_rate = 1.0 / life_s
        self.orders: list[Order] = []

    def rate(self) -> float:
        """Cancels per second of the whole crowd."""
        return self.cancel_rate * len(self.orders)

    def join(self, order: Order) -> None:
        order.place = len(self.orders)
        self.orders.append(order)

    def leave(self, order: Order) -> None:
        last = self.orders.pop()
        if last is not order:
            self.orders[order.place] = last
            last.place = order.place

    def any(self, rng: random.Random) -> Order:
        return self.orders[int(rng.random() * len(self.orders))]
