"""Currencies as they stand before or after amounts: signs, codes of ISO 4217, and local abbreviations."""

import re

_SYMBOLS = "$¢£¤¥֏؋৲৳৻૱௹฿៛₠₡₢₣₤₥₦₧₨₩₪₫€₭₮₯₰₱₲₳₴₵₶₷₸₹₺₻₼₽₾₿⃀﷼＄￠￡￥￦"
_CODES = (  # noqa: SIM905  ISO 4217
    "AED AFN AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTC BTN BWP BYN BZD CAD CDF "
    "CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB ETH EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD "
    "HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD "
    "LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP "
    "PKR PLN PYG QAR RLC RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TND TRY TTD TWD TZS UAH UGX USD USDC USDT UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL"
).split()
#: different spellings of one currency
_SPELLINGS = {
    "$": "USD US$ ＄",
    "€": "EUR Euro",
    "£": "GBP ￡",
    "¥": "JPY 円 ￥",
    "₹": "INR Rs. Rs ₨",
    "CHF": "Fr. SFr. sFr.",
    "PLN": "zł zl",
    "CZK": "Kč",
    "BRL": "R$",
    "kr": "kr.",
    "CNY": "元 RMB",
    "HUF": "Ft",
    "RUB": "₽ руб. руб",
    "TRY": "₺ TL",
    "BGN": "лв. лв",
    "UAH": "₴ грн грн.",
    "KRW": "원 ₩ ￦",
    "VND": "₫ đ",
    "IDR": "Rp",
    "MYR": "RM",
    "PHP": "₱",
    "THB": "฿",
    "ILS": "₪",
    "RON": "lei",
    "AUD": "A$ AU$",
    "CAD": "C$ CA$",
    "HKD": "HK$",
    "TWD": "NT$",
    "NZD": "NZ$",
    "SGD": "S$",
    "MXN": "MX$",
    "PEN": "S/ S/.",
    "AED": "د.إ. د.إ Dhs. Dhs",
    "SAR": "ر.س. ر.س",
    "EGP": "ج.م. ج.م",
    "KES": "KSh Ksh",
    "GHS": "GH₵",
    "NGN": "₦",
}
_SAME = {spelling: currency for currency, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_WORDS = {"EURO": "€", "euro": "€", "Euros": "€", "euros": "€", "dollars": "$"}  #: behind amounts; EURO 5 is no amount
_SAME["R "] = "ZAR"  # with a space, as R12 may be a code
_ALL = sorted({*_SYMBOLS, *_CODES, *_SAME, "eur", "usd", "gbp", "chf", "kr"}, key=len, reverse=True)
_ALTERNATIVES = "|".join(map(re.escape, _ALL))
_FIRST = re.compile(rf"({_ALTERNATIVES})(?![^\W\d_])")
_LAST = re.compile(rf"(?<![^\W\d_])({'|'.join(_WORDS)}|{_ALTERNATIVES})$")


def take_currency(text: str) -> tuple[str, str] | None:
    """Return the currency at one end of a text, and the rest; None without one."""
    if found := _FIRST.match(text):
        return _currency(found[1]), text[found.end() :].lstrip()
    if found := _LAST.search(text):
        return _currency(found[1]), text[: found.start()].rstrip()
    return None


def _currency(spelled: str) -> str:
    code = spelled.upper() if len(spelled) == 3 and spelled.isalpha() and spelled.islower() else spelled
    return _WORDS.get(spelled) or _SAME.get(code, code)
