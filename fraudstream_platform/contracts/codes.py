"""Code lists that a transaction may use: ISO 3166-1, ISO 4217, ISO 8583, and our own words."""

from __future__ import annotations

_COUNTRIES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ "
    "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM "
    "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS "
    "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
    "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ "
    "MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
    "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
    "VN VU WF WS XK YE YT ZA ZM ZW"
)
COUNTRIES = tuple(_COUNTRIES.split())
"""ISO 3166-1 alpha-2, and XK (Kosovo), which card schemes use."""

_CURRENCIES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN "
    "BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD "
    "FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY "
    "KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP "
    "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR "
    "RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER "
    "ZAR ZMW ZWG"
)
CURRENCIES = tuple(_CURRENCIES.split())
"""ISO 4217 alphabetic codes of money that people pay with (no funds, metals or test codes)."""

MESSAGE_TYPES = (
    "AUTH",
    "PREAUTH",
    "INCREMENT",
    "VERIFY",
    "ADVICE",
    "REVERSAL",
    "REFUND",
    "PAYMENT",
    "PAYMENT_RETURN",
)
SOURCES = ("MOBILE", "POS", "ONLINE")
CHANNELS = ("POS", "ECOM", "MOBILE", "ATM", "MOTO")
TRANSACTION_TYPES = ("purchase", "cash", "quasi_cash")
INITIATORS = ("CIT", "MIT")
ENTRY_MODES = (
    "chip",
    "contactless",
    "magstripe",
    "fallback",
    "manual",
    "ecom",
    "wallet",
    "credential_on_file",
)
CARD_PRESENT_MODES = ("chip", "contactless", "magstripe", "fallback")
"""Entry modes that need the card, or the phone that stands for it, at a terminal."""
OUTCOMES = ("approved", "declined_issuer", "declined_risk", "declined_data", "technical")
PRODUCTS = ("debit", "credit", "prepaid", "commercial")
CVV_RESULTS = ("match", "no_match", "not_checked")
AVS_RESULTS = ("match", "partial", "no_match", "not_checked")
TDS_STATUSES = ("Y", "A", "N", "U", "C", "R")
IP_TYPES = ("residential", "mobile", "hosting", "proxy")

LABEL_TYPES = ("fraud_report", "chargeback", "charge_off", "genuine")
LABEL_SOURCES = ("cardholder", "issuer", "scheme", "analyst")

APPROVAL_CODES = ("00", "08", "10", "11", "85")
"""Response codes that mean success; 85 is the success of a verification."""
FUNDS_CODES = ("51", "61")
"""Not enough funds, over the amount limit: what a prober of limits runs into."""
HARD_CODES = ("14", "15", "41", "43", "54", "78", "82", "N7")
"""No such card, no such issuer, lost, stolen, expired, blocked at first use, CVV wrong."""

CASH_LIKE_MCCS = ("4829", "6010", "6011", "6050", "6051", "6540", "7800", "7801", "7802", "7995")
"""Money transfer, cash at a counter or a machine, quasi-cash, stored value, lotteries, betting: the
categories that the Visa Merchant Data Standards Manual calls manual cash, ATM and quasi-cash."""
RESALE_MCCS = ("4812", "5045", "5094", "5311", "5732", "5734", "5816", "5944", "5946", "5947")
"""Telephones, computers, precious stones, department stores, electronics, software, digital games,
jewellery, cameras, gift cards and souvenirs (ISO 18245 names): small, dear and sold on at once. The
choice is practitioners' custom, not a standard."""
AMOUNT_LIMITS_MINOR = (
    *(2_500, 3_000, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 75_000),
    *(100_000, 150_000, 200_000, 250_000, 300_000, 500_000, 1_000_000),
)
"""Usual limits of a single payment, rising: contactless, authentication exemptions, daily limits."""

_NO_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_MINOR_DIGITS = dict.fromkeys(_NO_MINOR_UNIT.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3)


def minor_digits(currency: str) -> int:
    """Decimal digits of a currency's minor unit, by ISO 4217: 2, or 0 (JPY), or 3 (KWD)."""
    return _MINOR_DIGITS.get(currency, 2)
