"""Numbers of a card as the page's language writes them.

The digits are those of `webapp/inference/rounding.py`, as in reports and on the command line; only
the marks for decimals and groups are exchanged.
"""

from __future__ import annotations

import functools

from babel.core import Locale
from babel.numbers import get_decimal_symbol, get_group_symbol
from flask_babel import get_locale
from markupsafe import Markup

from .inference import rounding
from .inference.card import Interval
from .language import _


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage: 0.6655 with one digit is 66.5%, in French 66,5 %."""
    locale = _locale()
    return _marked(rounding.decimal(100 * share, digits), locale) + _percent_sign(locale)


def decimal(value: float, digits: int = 0, signed: bool = False) -> str:
    """A number with `digits` digits after the point; `signed` writes a plus sign too."""
    return _marked(rounding.decimal(value, digits, signed), _locale())


def figure(value: float) -> str:
    """Any number of a card: whole and large ones without a fraction, others with four digits."""
    return _marked(rounding.figure(value), _locale())


def interval(share: Interval, digits: int = 1) -> Markup:
    """HTML of a share and its 95 % interval, the interval in a quieter style."""
    low, high = (percent(end, digits) for end in (share.low, share.high))
    between = _("%(low)s to %(high)s", low=low, high=high)
    return Markup('{} <span class="quiet">({})</span>').format(
        percent(share.value, digits), between
    )


def _locale() -> Locale:
    return get_locale() or Locale("en")


def _marked(text: str, locale: Locale) -> str:
    marks = {ord(","): get_group_symbol(locale), ord("."): get_decimal_symbol(locale)}
    return text.translate(marks)


@functools.cache
def _percent_sign(locale: Locale) -> str:
    return str(locale.percent_formats[None].suffix[0])
