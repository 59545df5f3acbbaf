"""How much work the book does: ``smoke`` to see that everything runs, ``book`` by default, ``full`` with patience."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """``source`` restricts where images come from (None: the best that is at hand); ``epochs`` by data set."""

    name: str
    source: str | None
    seeds: tuple[int, ...]
    epochs: dict[str, int]


PROFILES = {
    "smoke": Profile("smoke", "digits", (0, 1, 2), {"shoes": 2}),
    "book": Profile("book", None, (0, 1, 2), {"shoes": 6}),
    "full": Profile("full", None, (0, 1, 2, 3, 4), {"shoes": 20}),
}


def profile(name: str | None = None) -> Profile:
    """The profile ``name``, or the one that ``HW3_PROFILE`` names, or ``book``.

    Raises:
        ValueError: there is no such profile.
    """
    chosen = name or os.environ.get("HW3_PROFILE") or "book"
    if chosen not in PROFILES:
        raise ValueError(f"the profile is {chosen!r}; it must be one of {', '.join(PROFILES)}")
    return PROFILES[chosen]
