"""Did Stripe send these bytes, now? (docs.stripe.com/webhooks, "Verify webhook signatures manually")"""

import hmac
from collections.abc import Sequence

from ledgerstone.adapters.stripe.faults import BadSignature

TOLERANCE = 300
LONGEST_HEADER = 4096


def verify(body: bytes, header: str | bytes | None, secrets: Sequence[str], now: float) -> None:
    """Return when `header` signs exactly `body` with one of the secrets, at most `TOLERANCE` seconds before
    or after `now` (Unix seconds); else raise BadSignature, and never anything else.

    Several secrets and several signatures stand side by side while a secret is being rolled. Stripe's own
    library looks into the past only, reads its own clock and raises TypeError and UnicodeDecodeError on
    bytes that anybody may send; the tests hold it against this."""
    stamp, signatures = _parts(header)
    if abs(now - stamp) > TOLERANCE:
        raise BadSignature(
            f"the signature's time is {now - stamp:+.0f} s from ours, {TOLERANCE} s are allowed"
        )
    if not _any_matches(b"%d.%s" % (stamp, body), signatures, secrets):
        raise BadSignature("no signature fits the body and a signing secret")


def _parts(header: str | bytes | None) -> tuple[int, list[bytes]]:
    raw = header.encode("utf-8", "replace") if isinstance(header, str) else header or b""
    if len(raw) > LONGEST_HEADER:
        raise BadSignature(f"the Stripe-Signature header is longer than {LONGEST_HEADER} bytes")
    parts = [item.partition(b"=") for item in raw.split(b",")]
    stamps = [value for key, _, value in parts if key == b"t"]
    if not stamps or not stamps[0].isdigit() or len(stamps[0]) > 12:
        raise BadSignature("the Stripe-Signature header is missing or has no time")
    if any(key in (b"t", b"v1") and not equals for key, equals, _ in parts):
        raise BadSignature("the Stripe-Signature header has a t or v1 without a value")
    return int(stamps[0]), [value for key, _, value in parts if key == b"v1"]


def _any_matches(message: bytes, signatures: Sequence[bytes], secrets: Sequence[str]) -> bool:
    ours = [_signature(message, secret) for secret in secrets if secret.strip()]
    return any(hmac.compare_digest(mine, theirs) for mine in ours for theirs in signatures)


def _signature(message: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode("utf-8", "surrogatepass"), message, "sha256").hex().encode()
