"""Which stream does a name belong to? A fact is recorded once because its name is one stream."""

from hashlib import sha1
from uuid import UUID

NAMESPACE = UUID("7c1c2a4e-5d0b-5f0e-9c53-2a6a1d9b7f10")
_NAMESPACE = NAMESPACE.bytes


def stream(name: str) -> UUID:
    """The stream of a named fact: `uuid5(NAMESPACE, name)` (RFC 9562, section 5.5).

    Written out because the standard library's function costs twice as much, and a webhook needs two."""
    digest = bytearray(sha1(_NAMESPACE + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))
