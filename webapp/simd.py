"""Numbers of a request straight into an array, with simdjson: no Python number is made of them.

It reads what is exactly as asked for, and refuses the rest without a word: `schema.py` then decodes
the same bytes with msgspec, which names what is wrong, or takes what is only unusual, such as keys
that stand there twice. Both round decimal numbers to the nearest double. simdjson refuses NaN,
Infinity, integers beyond 64 bits and numbers beyond float64 as msgspec does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import simdjson

# Exceptions of pysimdjson: for what is no JSON, nested too deeply, or of another kind or type.
FAULTS = (ValueError, TypeError, KeyError, RuntimeError)
# simdjson skips it, while RFC 8259 forbids to send it.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Unusual(Exception):
    """A body that is to be decoded by msgspec."""


class Segments(NamedTuple):
    """What a request holds.

    Attributes
    ----------
    times : start and end of each segment, in seconds.
    features : float32 (n_segments, *shape); infinite where float32 cannot hold a number.
    """

    times: list[tuple[float, float]]
    features: npt.NDArray[np.float32]


class Reader:
    """Reads requests for one version.

    Parameters
    ----------
    spec : id of the feature spec.
    kind : key of the features.
    shape : of one segment's features: (n,), or rows and columns.
    """

    def __init__(self, spec: str, kind: str, shape: tuple[int, ...]) -> None:
        self.spec = spec
        self.kind = kind
        self.shape = shape
        # of one segment's features
        self.brackets = 1 if len(shape) == 1 else 1 + shape[0]

    def read(self, body: bytes | memoryview, max_segments: int) -> Segments:
        """Read a whole request.

        Raises
        ------
        Unusual : for a body that is to be decoded by msgspec.
        """
        try:
            # a parser of its own, as no two threads may use one
            request: Any = _parse(body)
            segments = request["segments"]
            if len(request) != 2 or request["feature_spec"] != self.spec:
                raise Unusual
            if not _is_array(segments) or not 1 <= len(segments) <= max_segments:
                raise Unusual
            # keys that are known and strings that are equal hold none, so these are all arrays
            if _brackets(body) != 1 + len(segments) * self.brackets:
                raise Unusual
            times = []
            features = np.empty((len(segments), *self.shape), dtype=np.float32)
            for number, segment in enumerate(segments):
                start, end, inner = segment["start"], segment["end"], segment["features"]
                # as many keys as there must be: none is unknown or stands there twice
                if len(segment) != 3 or not (_is_number(start) and _is_number(end)):
                    raise Unusual
                if not 0 <= start < end:
                    raise Unusual
                times.append((float(start), float(end)))
                self._fill(inner, features[number])
        except FAULTS as error:
            raise Unusual from error
        return Segments(times, features)

    def read_features(self, part: bytes, into: npt.NDArray[np.float32]) -> None:
        """Read the features of one segment, as `{"mfcc": [[...], ...]}`, into an array (*shape).

        Raises
        ------
        Unusual : for bytes that are to be decoded by msgspec; the array may be changed already.
        """
        if _brackets(part) != self.brackets:
            raise Unusual
        try:
            self._fill(_parse(part), into)
        except FAULTS as error:
            raise Unusual from error

    def _fill(self, features: Any, into: npt.NDArray[np.float32]) -> None:
        values = features[self.kind]
        if not _is_array(values) or len(values) != len(into):
            raise Unusual
        if len(features) != 1:
            raise Unusual
        # the buffer is flat: the rows tell whether it has the right form
        if into.ndim == 2 and any(len(row) != into.shape[1] for row in values):
            raise Unusual
        # of anything but numbers there is no buffer
        doubles = np.frombuffer(values.as_buffer(of_type="d"))
        # numbers that float32 cannot hold become infinite, and are refused afterwards
        with np.errstate(over="ignore"):
            into[:] = doubles.reshape(into.shape)


def _parse(content: bytes | memoryview) -> Any:
    if content[: len(BYTE_ORDER_MARK)] == BYTE_ORDER_MARK:
        raise Unusual
    return simdjson.Parser().parse(content)


def _brackets(content: bytes | memoryview) -> int:
    """How many arrays begin in JSON whose strings hold no bracket."""
    return int(np.count_nonzero(np.frombuffer(content, np.uint8) == ord("[")))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_array(value: object) -> bool:
    return isinstance(value, simdjson.Array)
