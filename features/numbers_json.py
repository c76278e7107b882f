"""Rounded numbers as JSON text, made for a whole array at a time.

`json.dumps` searches the shortest text of every float64, which would be most of the time that
writing a request takes. A number rounded to a few decimals is a whole number of steps, and division
gives the digits of a whole number.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt

# More decimals are left to `json.dumps`, as it writes numbers below 1e-4 with an exponent.
MAX_DECIMALS = 4
# More steps are left to it, too: ten times as many would not fit into 32 bits.
MAX_STEPS = 2e8


def numbers_json(values: npt.NDArray[np.floating], decimals: int) -> str:
    """Numbers (n,) or (n_rows, n) rounded to `decimals`: a JSON list, or a list of lists.

    The text is that of `json.dumps` of the numbers rounded in float64 (a rounded float32 would
    print as 0.12600000202), without spaces and without a minus before zero.

    Raises
    ------
    ValueError : for NaN and infinite numbers, which JSON does not have.
    """
    # The same two steps as in numpy.round, so the same digits.
    steps = np.rint(values.astype(np.float64) * 10.0**decimals)
    most = float(np.abs(steps).max(initial=0.0))
    if not values.size or decimals > MAX_DECIMALS or not most < MAX_STEPS:
        rounded = steps / 10.0**decimals + 0.0
        return json.dumps(rounded.tolist(), separators=(",", ":"), allow_nan=False)
    whole = steps.astype(np.int32)
    if decimals == 0:
        # JSON text of a float always shows a decimal.
        whole *= 10
        decimals = 1
    rows = _rows_text(np.atleast_2d(whole), decimals)
    return f"[[{rows}]]" if values.ndim == 2 else f"[{rows}]"


def _rows_text(whole: npt.NDArray[np.int32], decimals: int) -> str:
    """Numbers with commas between them, and "],[" between rows (n_rows, n)."""
    n_rows, n = whole.shape
    rest = np.abs(whole)
    n_digits = max(len(str(int(rest.max()))), decimals + 1)
    # One cell per possible character: minus, digits, point, comma; after a row two cells more.
    width = n_digits + 3
    cells = np.empty((n_rows, n * width + 2), dtype=np.uint8)
    shown = np.ones(cells.shape, dtype=np.bool_)
    cell = cells[:, :-2].reshape(n_rows, n, width)
    show = shown[:, :-2].reshape(n_rows, n, width)
    cell[..., 0] = ord("-")
    show[..., 0] = whole < 0
    # From the last digit to the first. The first decimal always shows, another one where it or one
    # behind it is not zero. The digit before the point always shows, another one where a part of
    # the number is still to be written.
    column = width - 2
    seen = np.zeros(rest.shape, dtype=np.bool_)
    for place in range(n_digits):
        if place == decimals:
            cell[..., column] = ord(".")
            column -= 1
        if place > decimals:
            show[..., column] = rest > 0
        quotient = rest // 10
        digit = (rest - 10 * quotient).astype(np.uint8)
        if place < decimals - 1:
            seen |= digit > 0
            show[..., column] = seen
        cell[..., column] = digit + ord("0")
        rest = quotient
        column -= 1
    cell[..., -1] = ord(",")
    cells[:, -3:] = np.frombuffer(b"],[", dtype=np.uint8)
    # Without the three cells after the last row.
    return cells[shown].tobytes()[:-3].decode("ascii")
