"""Ids that look like Stripe's, are the same for the same seed, and never meet those of another seed."""

from hashlib import blake2b
from itertools import count

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PAIRS = tuple(a + b for a in ALPHABET for b in ALPHABET)
SCATTER = 0x5851F42D4C957F2D  # odd, so that multiplying modulo a power of two meets no number twice


def mark_of(seed: int) -> str:
    """Eight characters that stand for the seed in every id of its history."""
    return base62(int.from_bytes(blake2b(str(seed).encode(), digest_size=8).digest()) % 2**47)


def base62(number: int) -> str:
    """The number (below 2**47) in eight characters."""
    number, d = divmod(number, 3844)
    number, c = divmod(number, 3844)
    a, b = divmod(number, 3844)
    return PAIRS[a] + PAIRS[b] + PAIRS[c] + PAIRS[d]


class Ids:
    """Gives ids in no visible order: as with Stripe, a later id may sort first."""

    def __init__(self, seed: int) -> None:
        self.mark = mark_of(seed)
        self._count = count(1)

    def __call__(self, prefix: str) -> str:
        """A new id, as `ids("sub")` -> `sub_1…`."""
        return f"{prefix}_1{self.mark}{base62(next(self._count) * SCATTER % 2**47)}"
