"""The request of a prediction: decoding, checking and conversion to one array.

`simd.py` reads what is exactly as asked for: small bodies in one pass, large ones segment by
segment, as its parser takes some times the memory of what it parses. All else is decoded by msgspec
into the shape that a version's feature spec asks for: it stops at the first wrong type, missing
number or unknown key, and says where that is.
"""

from __future__ import annotations

import math
import struct
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from .bodies import LARGE, Body
from .errors import RequestError
from .language import _
from .simd import Reader, Unusual

if TYPE_CHECKING:
    from features import FeatureSpec

JSON_TYPE = "application/json"
# The largest absolute value of a feature; far above it the network overflows. All kinds stay below:
# of n standardised values none lies further than sqrt(n) deviations from their mean, MFCC in dB end
# at 100 dB times sqrt(n_mels), and no statistic is above the sample rate.
LARGEST = 1e6
# Larger bodies are read segment by segment; a song of three minutes at 64 MFCC has 0.8 MB.
ONE_PASS_BYTES = LARGE
# Characters of a request that an answer quotes at most.
LONGEST_QUOTE = 80


class Times(msgspec.Struct, frozen=True):
    """Start and end of a segment, in seconds from the start of the song."""

    start: float
    end: float


class _Times(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    start: Annotated[float, Meta(ge=0)]
    end: float


class _Segment(_Times):
    # a view of the body that is decoded later
    features: msgspec.Raw


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    feature_spec: str


class _Request(_Spec):
    segments: list[_Segment]


class _SpecOnly(msgspec.Struct):
    feature_spec: str | None = None


_REQUEST = msgspec.json.Decoder(_Request)
# Exceptions of decoding.
FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class RequestSchema:
    """Checks the requests for one version.

    Parameters
    ----------
    spec : feature spec of the version.
    max_segments : most segments in one request.
    """

    def __init__(self, spec: FeatureSpec, max_segments: int) -> None:
        self.spec = spec
        self.max_segments = max_segments
        self.kind: str = spec.kind
        self.shape = spec.shape
        values: Any = float
        for length in reversed(self.shape):
            values = Annotated[list[values], Meta(min_length=length, max_length=length)]
        features = msgspec.defstruct(
            "Features", [(self.kind, values)], forbid_unknown_fields=True, gc=False
        )
        self._features = msgspec.json.Decoder(features)
        self._reader = Reader(spec.id, self.kind, self.shape)
        # packs one segment's numbers as doubles: the fastest way from floats to an array
        self._doubles = struct.Struct(f"{math.prod(self.shape)}d")

    @property
    def expected(self) -> dict[str, Any]:
        """The form of a request, for the details of errors."""
        return {
            "feature_spec": self.spec.id,
            "kind": self.kind,
            "shape": list(self.shape),
            "max_segments": self.max_segments,
        }

    def parse(self, body: Body) -> tuple[list[Times], npt.NDArray[np.float32]]:
        """Decode and check a body.

        Returns
        -------
        times : one per segment.
        features : float32 (n_segments, *shape), none larger than `LARGEST`.

        Raises
        ------
        RequestError : 400 for a body that is not JSON, 422 for JSON that does not fit.
        """
        if found := self._in_one_pass(body):
            return found
        try:
            request = _REQUEST.decode(body)
        except FAULTS as error:
            raise self._explain(body, error) from None
        if request.feature_spec != self.spec.id:
            raise self._wrong_spec(request.feature_spec)
        if not 1 <= len(request.segments) <= self.max_segments:
            raise RequestError(
                422,
                "wrong_number_of_segments",
                _(
                    "The request has %(sent)s segments; send 1 to %(most)s.",
                    sent=len(request.segments),
                    most=self.max_segments,
                ),
                {"path": "$.segments", "expected": self.expected},
            )
        times = self._times(request.segments)
        features = np.empty((len(times), *self.shape), dtype=np.float32)
        for number, segment in enumerate(request.segments):
            try:
                self._read_features(segment.features, features[number])
            except FAULTS as error:
                raise self._explain(body, error, f"$.segments[{number}].features") from None
            self._check_range(number, features[number])
        return times, features

    def _in_one_pass(self, body: Body) -> tuple[list[Times], npt.NDArray[np.float32]] | None:
        """What a body holds; None for a large, unusual or wrong one, which is read in steps."""
        if len(body) > ONE_PASS_BYTES:
            return None
        try:
            times, features = self._reader.read(body, self.max_segments)
        except Unusual:
            return None
        if _too_large(features).any():
            return None
        return [Times(start, end) for start, end in times], features

    def _read_features(self, part: msgspec.Raw, into: npt.NDArray[np.float32]) -> None:
        try:
            self._reader.read_features(bytes(part), into)
        except Unusual:
            into[:] = self._values(self._features.decode(part))

    def _times(self, segments: list[_Segment]) -> list[Times]:
        times = []
        for number, segment in enumerate(segments):
            if not (segment.end > segment.start and math.isfinite(segment.end)):
                raise RequestError(
                    422,
                    "wrong_times",
                    _(
                        "Segment %(number)s ends at %(end)s s but starts at %(start)s s; the end "
                        "must come after the start.",
                        number=number,
                        end=f"{segment.end:g}",
                        start=f"{segment.start:g}",
                    ),
                    {"path": f"$.segments[{number}].end"},
                )
            times.append(Times(segment.start, segment.end))
        return times

    def _values(self, features: Any) -> npt.NDArray[np.float32]:
        numbers: Any = getattr(features, self.kind)
        for _axis in self.shape[1:]:
            numbers = chain.from_iterable(numbers)
        doubles = np.frombuffer(self._doubles.pack(*numbers)).reshape(self.shape)
        # numbers that float32 cannot hold become infinite here, and are refused afterwards
        with np.errstate(over="ignore"):
            return doubles.astype(np.float32)

    def _check_range(self, number: int, values: npt.NDArray[np.float32]) -> None:
        wrong = _too_large(values)
        if wrong.any():
            place = "".join(f"[{index}]" for index in np.argwhere(wrong)[0])
            raise RequestError(
                422,
                "out_of_range",
                _(
                    "A feature of segment %(number)s is not between -%(limit)s and %(limit)s; "
                    "compute it as the version's feature_spec says.",
                    number=number,
                    limit=f"{LARGEST:.0f}",
                ),
                {
                    "path": f"$.segments[{number}].features.{self.kind}{place}",
                    "minimum": -LARGEST,
                    "maximum": LARGEST,
                },
            )

    def _explain(self, body: Body, error: Exception, place: str = "$") -> RequestError:
        """The refusal of a body that was not decoded; `place` is the path of the failed part."""
        if not body:
            return RequestError(
                400, "empty_body", _("The body is empty. Send the JSON of /api/openapi.json.")
            )
        spec = None
        try:
            # neither call builds the values: a body of empty objects would fill the memory
            msgspec.json.decode(body, type=msgspec.Raw)
            spec = msgspec.json.decode(body, type=_SpecOnly).feature_spec
        except msgspec.ValidationError:
            pass  # JSON of another shape: `error` says where
        except msgspec.DecodeError as fault:
            return RequestError(
                400,
                "invalid_json",
                _("The body is not JSON; the details say where it breaks. Send valid JSON."),
                {"reason": str(fault)},
            )
        except UnicodeDecodeError:
            return RequestError(
                400, "invalid_json", _("The body is not UTF-8. Send JSON in UTF-8.")
            )
        except RecursionError:
            return RequestError(
                400,
                "too_deep",
                _("The JSON is nested too deeply. Send the JSON of /api/openapi.json."),
            )
        if spec not in (None, self.spec.id):
            return self._wrong_spec(spec)
        # msgspec gives reason and path as one text
        reason, _at, path = str(error).partition(" - at ")
        path = place + path.strip("`").removeprefix("$")
        return RequestError(
            422,
            "invalid_request",
            _(
                "At %(path)s there must be %(wanted)s. A segment holds start, end (seconds) and "
                "features.%(kind)s with %(shape)s numbers.",
                path=path,
                wanted=self._wanted(path),
                kind=self.kind,
                shape=" x ".join(map(str, self.shape)),
            ),
            {"path": path, "expected": self.expected, "reason": _cut(reason)},
        )

    def _wanted(self, path: str) -> str:
        """Name what belongs at a path such as "$.segments[1].features.mfcc[2]"."""
        match path.replace("[", ".").split(".")[1:]:
            case []:
                return _("an object with `feature_spec`, `segments` and nothing else")
            case ["feature_spec"]:
                return _("a text")
            case ["segments"]:
                return _("a list of segments")
            case ["segments", _number]:
                return _("an object with `start`, `end`, `features` and nothing else")
            case ["segments", _number, "start"]:
                return _("a finite number of seconds, 0 or more")
            case ["segments", _number, "end"]:
                return _("a finite number of seconds")
            case ["segments", _number, "features"]:
                return _("an object with `%(kind)s` and nothing else", kind=self.kind)
            case [_segments, _number, _features, _kind, *axes] if len(axes) < len(self.shape):
                return _("a list of length %(length)s", length=self.shape[len(axes)])
            case _:
                return _("a finite number")

    def _wrong_spec(self, sent: str) -> RequestError:
        sent = _cut(sent)
        return RequestError(
            422,
            "wrong_spec",
            _(
                "These features follow the spec %(sent)s, but this version needs %(needed)s. "
                "Extract them again with the feature_spec of this version's card.",
                sent=repr(sent),
                needed=repr(self.spec.id),
            ),
            {"path": "$.feature_spec", "sent": sent, "expected": self.spec.id},
        )


def _too_large(values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = np.abs(values) > LARGEST
    return found


def _cut(text: str) -> str:
    """The beginning of a long text: an answer should not carry back whatever was sent."""
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…"
