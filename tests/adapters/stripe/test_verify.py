"""Did Stripe send these bytes, now? Stripe's own library is the oracle."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import SignatureVerificationError, WebhookSignature

from ledgerstone.adapters.stripe.faults import BadSignature
from ledgerstone.adapters.stripe.verify import TOLERANCE, verify

BODY = '{"id": "evt_1", "name": "Åsa"}'.encode()
SECRET = "whsec_new"
NOW = 1_793_880_000


def signed(body: bytes = BODY, secret: str = SECRET, at: int = NOW) -> str:
    return str(WebhookSignature.generate_signature_header(body.decode(), secret, at))


def refused(body: bytes, header: str | bytes | None, secrets: list[str], now: float = NOW) -> str:
    with pytest.raises(BadSignature) as caught:
        verify(body, header, secrets, now)
    return str(caught.value)


def test_what_the_library_signs_is_accepted_as_text_and_as_bytes() -> None:
    verify(BODY, signed(), [SECRET], NOW)
    verify(BODY, signed().encode(), [SECRET], NOW + 0.7)


def test_either_secret_will_do_while_one_is_being_rolled() -> None:
    verify(BODY, signed(secret="whsec_old"), [SECRET, "whsec_old"], NOW)


def test_any_of_several_signatures_will_do() -> None:
    other = signed(secret="whsec_other").partition(",")[2]
    verify(BODY, f"{signed()},{other}", [SECRET], NOW)
    verify(BODY, signed().replace(",", f",{other},v0=abc,"), [SECRET], NOW)


@pytest.mark.parametrize("seconds", [-TOLERANCE, TOLERANCE])
def test_the_edge_of_the_tolerance_is_inside(seconds: int) -> None:
    verify(BODY, signed(), [SECRET], NOW + seconds)


@pytest.mark.parametrize("seconds", [-TOLERANCE - 1, TOLERANCE + 1])
def test_the_past_and_the_future_are_bounded_alike(seconds: int) -> None:
    assert "300 s are allowed" in refused(BODY, signed(), [SECRET], NOW + seconds)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        b"\xff\xfe",
        "t=,v1=",
        "t=abc,v1=00",
        f"t={NOW}",
        f"t={NOW},v0=00",
        f"t={NOW},v1=ångström",
        f"t={NOW},v1=\ud800",
        f"t={NOW}," + "v1=00," * 100_000,
        f"t={'9' * 4000},v1=00",
        f"t=abc,t={NOW},v1=00",
        f"t=١٢٣,v1={'0' * 64}",
    ],
)
def test_a_header_that_signs_nothing_is_refused(header: str | bytes | None) -> None:
    refused(BODY, header, [SECRET])


@pytest.mark.parametrize("secrets", [[], [""], [" \n"], ["whsec_other"], ["\ud800"]])
def test_without_the_secret_nothing_is_accepted(secrets: list[str]) -> None:
    refused(BODY, signed(), secrets)


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_secret_is_none(blank: str) -> None:
    refused(BODY, signed(secret=blank), [blank])


def test_a_changed_body_is_refused_and_so_is_a_changed_time() -> None:
    refused(BODY + b" ", signed(), [SECRET])
    refused(BODY, signed().replace(str(NOW), str(NOW + 1)), [SECRET])


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    refused(b"\xff\xfe", signed(b"{}"), [SECRET])


@pytest.mark.parametrize("name", ["t", "v1"])
def test_a_name_without_a_value_is_refused(name: str) -> None:
    refused(BODY, f"{signed()},{name}", [SECRET])


JUNK = st.text(alphabet="tv1=0,9 abf\u0661é", max_size=40)
REAL = st.sampled_from([signed(), signed(b"{}"), signed(secret="whsec_old"), signed(at=NOW - 400)])


@given(st.sampled_from([BODY, b"{}", b"\xff", b""]), st.lists(REAL | JUNK, max_size=3).map(",".join))
def test_whatever_we_accept_the_library_accepts(body: bytes, header: str) -> None:
    try:
        verify(body, header, [SECRET], NOW)
    except BadSignature:
        return
    assert WebhookSignature.verify_header(body, header, SECRET)


@given(st.binary(max_size=80), st.binary(max_size=80), st.text(max_size=5))
def test_no_bytes_make_it_fail_in_any_other_way(body: bytes, header: bytes, secret: str) -> None:
    refused(body, b"t=%d,v1=%s" % (NOW, header), [secret])


@given(
    st.binary(max_size=200).filter(bytes.isascii),
    st.sampled_from([SECRET, "whsec_old"]),
    st.integers(-400, 400),
)
def test_the_library_and_we_agree_on_headers_as_stripe_writes_them(
    body: bytes, secret: str, age: int
) -> None:
    now = int(time.time())
    header = signed(body, secret, now - age)
    try:
        theirs = WebhookSignature.verify_header(body, header, SECRET, TOLERANCE + 5)
    except SignatureVerificationError:
        theirs = False
    if theirs and abs(age) <= TOLERANCE:
        verify(body, header, [SECRET], now)
    else:
        refused(body, header, [SECRET], now)
