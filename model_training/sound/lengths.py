"""Whether a file holds more sound than its header tells.

libsndfile reads as much as the header tells. That is too little where files were joined (`cat`),
where a recorder lost power before it could write the length, where an mp3 of changing bit rate has
no length at all, and where an mp3 changes its channels or its rate in the middle.

Layouts: Ogg, RFC 3533; FLAC, RFC 9639; MPEG audio, ISO/IEC 11172-3, 2.4.1; chunks of wav, w64, aiff
and caf, as libsndfile's documentation describes them.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import struct
from collections.abc import Iterator
from typing import Literal

from .kinds import Content, after_tags, boxes

# libsndfile and ffmpeg differ by some thousand samples at the ends of an mp3.
TOLERANCE_S = 0.5

# --- files behind one another -----------------------------------------------------------------

# A page that begins a stream: version 0, flags with 2, at sample 0.
OGG_FIRST = re.compile(rb"OggS\0[\2\6]\0{8}")
FLAC_FIRST = re.compile(rb"fLaC[\0\x80]\0\0\x22")


def ogg_songs(content: Content) -> list[int]:
    """Where each song of an ogg file begins; streams that begin together are of one song."""
    starts = []
    end = -1
    for found in OGG_FIRST.finditer(content):
        at = found.start()
        if at != end:
            starts.append(at)
        n_segments = content[at + 26] if at + 27 <= len(content) else 0
        end = at + 27 + n_segments + sum(content[at + 27 : at + 27 + n_segments])
    return starts


def flac_songs(content: Content) -> list[int]:
    """Where each song of a flac file begins."""
    return [found.start() for found in FLAC_FIRST.finditer(content)]


def mp4_songs(content: Content) -> list[int]:
    """Where each song of an mp4 file begins."""
    return [at for name, at, _ in boxes(content) if name == b"ftyp"]


# --- plain samples behind a header ------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Samples:
    """Where a file has its plain samples.

    Attributes
    ----------
    start : of the first byte of them.
    told : their bytes, as the header tells.
    end : where they end, by what follows: known chunks, another file, or nothing.
    next_file : where another file begins; None if there is none.
    little : whether the lowest byte of a sample comes first.
    """

    start: int
    told: int
    end: int
    next_file: int | None
    little: bool


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a kind of file is made of chunks.

    Attributes
    ----------
    names : with which a file begins.
    first : bytes before the first chunk.
    size : bytes of a chunk's size, that follows its name.
    order : of the bytes of a size.
    name : bytes of a chunk's name.
    sound : name of the chunk with the samples.
    before : bytes in it before the samples.
    whole : whether a size counts name and size too.
    even : chunks begin at multiples of it.
    """

    names: tuple[bytes, ...]
    first: int
    size: int
    order: Literal["little", "big"]
    name: int = 4
    sound: bytes = b"data"
    before: int = 0
    whole: bool = False
    even: int = 2


LAYOUTS = {
    "wav": Layout((b"RIFF", b"RF64", b"BW64"), 12, 4, "little"),
    "aiff": Layout((b"FORM",), 12, 4, "big", sound=b"SSND", before=8),
    "caf": Layout((b"caff",), 8, 8, "big", before=4, even=1),
    "w64": Layout((b"riff",), 40, 8, "little", name=16, whole=True, even=8),
}
CHUNK_NAME = re.compile(rb"[A-Za-z0-9 _()+.\xa9-]{4}")
MOST_CHUNKS = 1000


def chunks(content: Content, layout: Layout, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of the content of each chunk, until one is none."""
    head = layout.name + layout.size
    for _ in range(MOST_CHUNKS):
        name = content[at : at + 4]
        if at + head > len(content) or not CHUNK_NAME.fullmatch(name) or name in layout.names:
            return
        size = int.from_bytes(content[at + layout.name : at + head], layout.order)
        # A size of 0 does not even count itself.
        size = max(0, size - (head if layout.whole else 0))
        yield name, at + head, size
        at += head + size
        at += -at % layout.even


def plain_samples(content: Content, kind: str, start: int) -> Samples | None:
    """Where the samples of a file are that begins at `start`; None if they are not found."""
    if kind == "au":
        return _au_samples(content, start)
    layout = LAYOUTS.get(kind)
    if layout is None or content[start : start + 4] not in layout.names:
        return None
    little = layout.order == "little"
    total = 0
    for name, at, size in chunks(content, layout, start + layout.first):
        if name == b"COMM" and kind == "aiff":
            little = content[at + 18 : at + 22] in (b"sowt", b"42ni", b"23ni")
        if name == b"desc":
            little = bool(content[at + 15] & 2) if at + 16 <= len(content) else False
        if name == b"ds64":
            total = int.from_bytes(content[at + 8 : at + 16], "little")
        if name == layout.sound:
            first = at + layout.before
            unknown = size == 256**layout.size - 1
            told = (total or len(content) - first) if unknown else max(size - layout.before, 0)
            return _until_next(content, layout, Samples(first, told, len(content), None, little))
    return None


def _au_samples(content: Content, start: int) -> Samples | None:
    if start + 24 > len(content):
        return None
    little = content[start : start + 4] == b"dns."
    first, told = struct.unpack("<II" if little else ">II", content[start + 4 : start + 12])
    first += start
    if told == 0xFFFFFFFF:
        told = len(content) - first
    end = first + told if 0 < told <= len(content) - first else len(content)
    return Samples(first, told, end, None, little)


def _until_next(content: Content, layout: Layout, samples: Samples) -> Samples:
    """The same with what follows the samples as far as the header tells where they end."""
    at = samples.start + samples.told
    at += -at % layout.even
    end = samples.start + samples.told
    while at + 8 <= len(content):
        if content[at : at + 4] in layout.names:
            return dataclasses.replace(samples, end=end, next_file=at)
        chunk = next(chunks(content, layout, at), None)
        if chunk is None or chunk[1] + chunk[2] > len(content) + 1:
            return samples
        at = chunk[1] + chunk[2]
        at += -at % layout.even
    return dataclasses.replace(samples, end=min(end, len(content)))


def plain_songs(content: Content, kind: str, start: int) -> list[int]:
    """Where each file of plain samples begins."""
    starts: list[int] = []
    at: int | None = start
    while at is not None:
        starts.append(at)
        found = plain_samples(content, kind, at)
        at = found.next_file if found else None
    return starts


# --- frames of flac ---------------------------------------------------------------------------


def flac_seconds(content: Content, start: int) -> float:
    """Seconds of a flac file, by its last frame; 0 if no frame is found."""
    if start + 42 > len(content):
        return 0.0
    least_block = int.from_bytes(content[start + 8 : start + 10], "big")
    rate = int.from_bytes(content[start + 18 : start + 21], "big") >> 4
    at = len(content)
    lowest = max(start + 42, len(content) - (1 << 20))
    while rate and (at := content.rfind(b"\xff", lowest, at)) >= 0:
        if (last := _flac_frame(content[at : at + 16], least_block)) is not None:
            return last / rate
    return 0.0


def _flac_frame(head: bytes, least_block: int) -> int | None:
    """The number of the sample after a frame; None if these bytes begin none."""
    if len(head) < 16 or head[1] not in (0xF8, 0xF9) or head[3] & 1:
        return None
    block_code, rate_code = head[2] >> 4, head[2] & 15
    if not block_code or rate_code == 15 or head[3] >> 4 > 10 or (head[3] >> 1) & 7 == 3:
        return None
    # The number is written as UTF-8 writes letters, with up to seven bytes.
    ones = 8 - (head[4] ^ 0xFF).bit_length()
    if ones == 1 or ones > 7:
        return None
    number = head[4] & (0x7F >> ones)
    at = 5
    for _ in range(ones - 1):
        number = number << 6 | head[at] & 0x3F
        at += 1
    if block_code in (6, 7):
        size = int.from_bytes(head[at : at + block_code - 5], "big") + 1
        at += block_code - 5
    else:
        size = {1: 192}.get(
            block_code, 576 << block_code - 2 if block_code < 6 else 1 << block_code
        )
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(head) or _crc8(head[:at]) != head[at]:
        return None
    return (number if head[1] == 0xF9 else number * least_block) + size


def _crc8(content: bytes) -> int:
    value = 0
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ (7 if value & 0x80 else 0)) & 0xFF
    return value


# --- frames of mp3 ----------------------------------------------------------------------------

# kbit/s by version (1, else) and layer.
BITRATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
# So many follow one another where sound begins.
LEAST_FRAMES = 4
# Bytes of side information before "Xing" by version 1 or else, and mono or else.
SIDE_BYTES = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}


@dataclasses.dataclass(frozen=True)
class Mp3:
    """What the frames of an mp3 tell.

    Attributes
    ----------
    seconds : of all of them.
    headers : that tell a length ("Xing" or "Info"); each file has one or none.
    changes : whether the number of channels or the rate changes.
    """

    seconds: float
    headers: int
    changes: bool


@functools.cache
def _frames() -> dict[bytes, tuple[int, int, int, bool]]:
    """Bytes, samples, rate in Hz and whether it is of version 1, by the first three bytes."""
    found = {}
    for version, rates in ((3, 44100), (2, 22050), (0, 11025)):
        for layer in (1, 2, 3):
            first = 0xE0 | version << 3 | (4 - layer) << 1
            table = BITRATES[version == 3, layer]
            for row, kbits in enumerate(table, 1):
                for code, rate in enumerate((rates, rates * 480 // 441, rates * 320 // 441)):
                    n_samples = {1: 384, 2: 1152, 3: 1152 if version == 3 else 576}[layer]
                    for padding in (0, 1):
                        unit = 4 if layer == 1 else 1
                        slots = n_samples // 8 * kbits * 1000 // rate // unit + padding
                        third = row << 4 | code << 2 | padding << 1
                        for protected in (0, 1):
                            for private in (0, 1):
                                key = bytes((0xFF, first | protected, third | private))
                                found[key] = (slots * unit, n_samples, rate, version == 3)
    return found


def mp3_frames(content: Content) -> Mp3 | None:
    """Walk through the frames of an mp3; None if none follow one another."""
    frames = _frames()
    at = _next_frames(content, after_tags(content))
    samples: dict[int, int] = {}
    forms = set()
    headers = 0
    while at + 4 <= len(content):
        head = content[at : at + 4]
        frame = frames.get(head[:3])
        if frame is None:
            at = _next_frames(content, after_tags(content, at))
            continue
        size, n_samples, rate, first_version = frame
        mono = head[3] >> 6 == 3
        forms.add((rate, mono))
        side = at + SIDE_BYTES[first_version, mono]
        if content[side : side + 4] in (b"Xing", b"Info"):
            headers += 1
        else:
            samples[rate] = samples.get(rate, 0) + n_samples
        at += size
    if not samples:
        return None
    seconds = sum(count / rate for rate, count in samples.items())
    return Mp3(seconds, headers, len(forms) > 1)


def _next_frames(content: Content, at: int) -> int:
    """Where the next frames of one rate follow one another; the end, if nowhere.

    A single one may be anything: one of some thousand bytes in a picture looks like a frame.
    """
    frames = _frames()
    while (at := content.find(b"\xff", at)) >= 0:
        rates = set()
        after = at
        for _ in range(LEAST_FRAMES):
            frame = frames.get(content[after : after + 3])
            if frame is None:
                break
            rates.add(frame[2])
            after += frame[0]
        else:
            if len(rates) == 1:
                return at
        if rates and after >= len(content):
            return at
        at += 1
    return len(content)
