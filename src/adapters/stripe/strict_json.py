"""What do a message's bytes spell, exactly? JSON without what RFC 8259 leaves to each parser's taste.

The quick parser keeps the last of equal keys and lets some oddities pass. So its answer is taken only when
a few counts over the bytes prove that it saw everything; else a slow and exact parser decides."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import msgspec

from ledgerstone.adapters.stripe.faults import Unreadable

DEEPEST = 64
INTEGERS = range(-(2**63), 2**63)

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder().encode
_BLANKS = b" \t\r\n"
_ALIKE = bytes.maketrans(b"123456789[", b"000000000{")  # one count for all digits, one for all brackets
_LONG_NUMBER = b"0" * 19  # 2**63 has 19 digits
_HIDDEN = (b"\\u0000", b"\\u003a", b"\\u003A")


def parse(body: bytes) -> tuple[Any, str | None]:
    """The value, and what in it no fact can hold: a NUL, a lone surrogate, an integer beyond 64 bits (None:
    nothing). Numbers with a point or exponent are Decimals. Raises Unreadable for what is not JSON in UTF-8,
    for NaN and Infinity, for a key given twice and for more than `DEEPEST` levels."""
    try:
        value = _decode(body)
    except (ValueError, ArithmeticError, RecursionError):
        return _parse_slowly(body)
    return (value, None) if _saw_everything(body, value) else _parse_slowly(body)


def _saw_everything(body: bytes, value: Any) -> bool:
    """Sometimes no for a sound message, never yes for an unsound one.

    A key given twice is written back once, so a colon is missing. Colons within strings are written back as
    they came, unless an escape hid one (then we do not count)."""
    flat = body.translate(_ALIKE, _BLANKS)
    return (
        flat.count(b":") == _encode(value).count(b":")
        and _LONG_NUMBER not in flat
        and (b"\\" not in body or not any(escape in body for escape in _HIDDEN))
        and (flat.count(b"{") <= DEEPEST or not _is_deep(value))
    )


def _is_deep(value: Any) -> bool:
    level, depth = [value], 0
    while level := [inner for inner in level if type(inner) is dict or type(inner) is list]:
        depth += 1
        level = [inner for outer in level for inner in (outer.values() if type(outer) is dict else outer)]
    return depth > DEEPEST


def _parse_slowly(body: bytes) -> tuple[Any, str | None]:
    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=_object,
            parse_constant=_refuse,
            parse_float=_number,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise Unreadable(f"the body is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise Unreadable(f"the body is nested more than {DEEPEST} deep") from None
    if _is_deep(value):
        raise Unreadable(f"the body is nested more than {DEEPEST} deep")
    return value, _oddity(value, "")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Unreadable(f"the body gives the key {twice[:50]!a} twice in one object")
    return found


def _refuse(constant: str) -> NoReturn:
    raise Unreadable(f"the body is not JSON: it has the number {constant}")


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


def _integer(text: str) -> int:
    """Long ones are cut, which leaves them beyond 64 bits: they cost no time and are refused by `_oddity`."""
    return int(text[:25])


def _oddity(value: Any, path: str) -> str | None:
    match value:
        case str():
            return _text_oddity(value, path)
        case dict():
            inner = [
                (f"{path}.{ascii(key)[1:-1][:50]}".lstrip("."), key, held) for key, held in value.items()
            ]
            found = (_text_oddity(key, f"the key {at}") or _oddity(held, at) for at, key, held in inner)
        case list():
            found = (_oddity(held, f"{path}[{index}]") for index, held in enumerate(value))
        case int() if value not in INTEGERS:
            return f"{path} is an integer beyond 64 bits"
        case Decimal() if not value.is_finite():
            return f"{path} is a number beyond reason"
        case _:
            return None
    return next((oddity for oddity in found if oddity), None)


def _text_oddity(text: str, path: str) -> str | None:
    if "\0" in text:
        return f"{path} holds a NUL"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return f"{path} holds half of a surrogate pair"
    return None
