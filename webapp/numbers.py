"""Numbers as the page's language writes them.

They are rounded as Python's formats round, then their marks are exchanged: so an English page
shows the very digits that reports and the command line show.
"""

from __future__ import annotations

import functools

from babel.core import Locale
from babel.numbers import get_decimal_symbol, get_group_symbol
from flask_babel import get_locale


def percent(share: float, digits: int = 0) -> str:
    """A share of 1 with its sign: 0.6655 as 66.5%, in French 66,5 %."""
    locale = _locale()
    return _marked(f"{100 * share:.{digits}f}", locale) + _percent_sign(locale)


def decimal(value: float, digits: int = 0, signed: bool = False) -> str:
    """A number with a fixed number of digits; `signed` also writes the sign of what grows."""
    return _marked(f"{value:{'+' if signed else ''}.{digits}f}", _locale())


def figure(value: float) -> str:
    """Any number of a card: whole ones whole, large ones without a fraction, else four digits."""
    whole = isinstance(value, int)
    text = f"{value:,}" if whole else f"{value:,.0f}" if value > 1000 else f"{value:.4g}"
    return _marked(text, _locale())


def _locale() -> Locale:
    return get_locale() or Locale("en")


def _marked(text: str, locale: Locale) -> str:
    marks = {ord(","): get_group_symbol(locale), ord("."): get_decimal_symbol(locale)}
    return text.translate(marks)


@functools.cache
def _percent_sign(locale: Locale) -> str:
    return str(locale.percent_formats[None].suffix[0])
