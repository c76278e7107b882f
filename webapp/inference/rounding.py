"""How numbers of a card are rounded for people, with the marks of English.

The site exchanges the marks for those of the page's language, so a number has the same digits on
the page, in the report and on the terminal.
"""

from __future__ import annotations


def percent(share: float, digits: int = 1) -> str:
    """A share of 1 with its sign: 0.6655 as 66.5%."""
    return f"{decimal(100 * share, digits)}%"


def decimal(value: float, digits: int = 0, signed: bool = False) -> str:
    """A number with a fixed number of digits; `signed` writes a plus too."""
    return f"{value:{'+' if signed else ''}.{digits}f}"


def figure(value: float) -> str:
    """Any number of a card: whole and large ones without a fraction, others with four digits."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if value > 1000 else f"{value:.4g}"
