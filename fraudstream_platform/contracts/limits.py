"""The largest amount that one transaction may state, by its currency.

Ten million US dollars' worth, rounded up to a power of ten of minor units: more than a commercial card
pays at once, and little enough to show an amount in another currency's units. Rates move, their order of
magnitude seldom does, so each currency stands by how many of it a dollar bought in 2025, rounded up
to a power of ten. What needs more digits than the message has (ISO 8583 DE4: twelve) has their limit.
"""

from __future__ import annotations

from fraudstream_platform.contracts.codes import minor_digits

MOST_DIGITS = 12
"""Of the field that carries amounts, ISO 8583 DE4."""
_DOLLARS_DIGITS = 7

_FOR_A_DOLLAR = {
    0: "BHD BMD BSD CHF EUR FKP GBP GIP JOD KWD KYD OMR PAB SHP USD",
    1: "AED ANG AUD AWG AZN BAM BBD BGN BND BRL BYN BZD CAD CNY DKK FJD GEL GTQ HKD ILS LYD MOP "
    "MYR NZD PEN PGK PLN QAR RON SAR SBD SGD SVC TMT TND TOP TTD WST XCD XCG",
    2: "AFN ALL BOB BTN BWP CUP CZK DOP EGP ERN GHS GMD HNL INR KGS LSL MAD MDL MKD MRU MUR MVR "
    "MXN MZN NAD NIO NOK PHP SCR SEK SLE SRD STN SZL THB TJS TRY TWD UAH UYU ZAR ZMW ZWG",
    3: "AMD AOA BDT CLP CRC CVE DJF DZD ETB GYD HTG HUF ISK JMD JPY KES KMF KPW KZT LKR LRD NPR "
    "PKR RSD RUB SOS VUV XAF XOF XPF",
    4: "ARS BIF CDF COP GNF IQD KHR KRW MGA MMK MNT MWK NGN PYG RWF SDG SSP TZS UGX VED VES YER",
    5: "IDR LAK LBP SYP UZS VND",
    6: "IRR",
}
"""Power of ten -> currencies of which a dollar bought at most that many."""


def _limit(currency: str, magnitude: int) -> int:
    return int(10 ** min(MOST_DIGITS, _DOLLARS_DIGITS + magnitude + minor_digits(currency)))


AMOUNT_LIMITS = {
    currency: _limit(currency, magnitude)
    for magnitude, currencies in _FOR_A_DOLLAR.items()
    for currency in currencies.split()
}
"""Currency -> largest amount in its minor units, itself allowed."""
