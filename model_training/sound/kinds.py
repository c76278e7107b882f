"""Kinds of files: by their names' endings, and by their first bytes.

A name decides only whether a file of a folder is taken for sound; what a file really is, its first
bytes tell. static/js/sound/kind.js has the same kinds, and says the same of them on the page.
"""

from __future__ import annotations

import dataclasses
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

Reason = Literal[
    "archive",
    "coded",
    "companion",
    "damaged",
    "document",
    "notes",
    "picture",
    "playlist",
    "protected",
]
Content = bytes | mmap.mmap

# Read by libsndfile alone, and those that need ffmpeg.
# fmt: off
PLAIN_SUFFIXES = frozenset({
    ".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp1", ".mp2", ".mp3", ".oga", ".ogg",
    ".opus", ".rf64", ".snd", ".w64", ".wav", ".wave",
})
FFMPEG_SUFFIXES = frozenset({
    ".3g2", ".3ga", ".3gp", ".aa3", ".aac", ".ac3", ".adts", ".amr", ".ape", ".asf", ".avi", ".awb",
    ".bw64", ".dff", ".dsf", ".dts", ".eac3", ".f4a", ".flv", ".gsm", ".m2ts", ".m4a", ".m4b",
    ".m4p", ".m4r", ".m4v", ".mka", ".mkv", ".mlp", ".mov", ".mp4", ".mpa", ".mpc", ".mpeg", ".mpg",
    ".mts", ".mxf", ".nut", ".ofr", ".ogv", ".ogx", ".oma", ".qcp", ".ra", ".rm", ".shn", ".spx",
    ".tak", ".thd", ".ts", ".tta", ".vob", ".voc", ".vqf", ".webm", ".wma", ".wmv", ".wv",
})
# fmt: on
SUFFIXES = PLAIN_SUFFIXES | FFMPEG_SUFFIXES

# What to do, by what a file is; the page says the same in its own words.
SENTENCES: dict[Reason, str] = {
    "archive": "this is an archive ({kind}), not a song: unpack it and take the songs in it.",
    "companion": "this is a companion that a Mac made for another file, and holds no sound: take "
    "the file itself.",
    "document": "this is a text or another document and holds no sound: take a song.",
    "notes": "this is MIDI, which holds notes and no sound: convert it to flac or mp3 with a "
    "program that plays it.",
    "picture": "this is a picture ({kind}) and holds no sound: take a song.",
    "playlist": "this is a playlist, which names songs and holds no sound: take the songs "
    "themselves.",
    "protected": "this song is protected against copying (DRM), and cannot be decoded: take it "
    "without protection.",
}
# Nothing is asked to decode these: covers are no songs, a playlist would be followed to the files
# that it names, and of protected songs ffmpeg makes noise.
HOPELESS = frozenset({"archive", "companion", "document", "picture", "playlist", "protected"})

# (place, bytes, kind, reason[, place and bytes that have to be there too])
WORDS: tuple[tuple[int, bytes, str, Reason] | tuple[int, bytes, str, Reason, int, bytes], ...] = (
    (0, b"RIFF", "wav", "damaged", 8, b"WAVE"),
    (0, b"RIFX", "wav", "damaged", 8, b"WAVE"),
    (0, b"RF64", "wav", "damaged", 8, b"WAVE"),
    (0, b"BW64", "wav", "damaged", 8, b"WAVE"),
    (0, b"riff.\x91\xcf\x11", "w64", "damaged"),
    (0, b"FORM", "aiff", "damaged", 8, b"AIF"),
    (0, b".snd", "au", "damaged"),
    (0, b"dns.", "au", "damaged"),
    (0, b"caff", "caf", "damaged"),
    (0, b"fLaC", "flac", "damaged"),
    (0, b"OggS", "ogg", "damaged"),
    (4, b"ftyp", "mp4", "damaged"),
    (4, b"moov", "mp4", "damaged"),
    (4, b"wide", "mp4", "damaged"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "Windows Media (WMA)", "coded"),
    (0, b"MAC ", "Monkey\u2019s Audio (APE)", "coded"),
    (0, b"wvpk", "WavPack", "coded"),
    (0, b"DSD ", "DSD (DSF)", "coded"),
    (0, b"FRM8", "DSD (DFF)", "coded"),
    (0, b"TTA1", "True Audio (TTA)", "coded"),
    (0, b"TTA2", "True Audio (TTA)", "coded"),
    (0, b"MP+", "Musepack", "coded"),
    (0, b"MPCK", "Musepack", "coded"),
    (0, b"#!AMR", "AMR", "coded"),
    (0, b"#!SILK", "SILK", "coded"),
    (0, b"OFR ", "OptimFROG", "coded"),
    (0, b"LA0", "Lossless Audio (LA)", "coded"),
    (0, b"ajkg", "Shorten", "coded"),
    (0, b"TWIN", "TwinVQ", "coded"),
    (0, b".RMF", "RealAudio", "coded"),
    (0, b".ra\xfd", "RealAudio", "coded"),
    (0, b"\x0bw", "Dolby Digital (AC-3)", "coded"),
    (0, b"\x7f\xfe\x80\x01", "DTS", "coded"),
    (0, b"RIFF", "AVI", "coded", 8, b"AVI "),
    (0, b"FLV\x01", "Flash Video", "coded"),
    (0, b"\0\0\x01\xba", "MPEG video", "coded"),
    (0, b"\x1aE\xdf\xa3", "Matroska", "damaged"),
    (0, b"MThd", "MIDI", "notes"),
    (0, b"RIFF", "MIDI", "notes", 8, b"RMID"),
    (0, b"PK\x03\x04", "ZIP", "archive"),
    (0, b"Rar!\x1a\x07", "RAR", "archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z", "archive"),
    (0, b"\x1f\x8b\x08", "gzip", "archive"),
    (257, b"ustar", "tar", "archive"),
    (0, b"\xff\xd8\xff", "JPEG", "picture"),
    (0, b"\x89PNG\r\n", "PNG", "picture"),
    (0, b"GIF8", "GIF", "picture"),
    (0, b"RIFF", "WebP", "picture", 8, b"WEBP"),
    (0, b"II*\0", "TIFF", "picture"),
    (0, b"MM\0*", "TIFF", "picture"),
    (0, b"%PDF", "PDF", "document"),
    (0, b"\0\x05\x16\x07", "AppleDouble", "companion"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1", "Office", "document"),
)
PLAYLIST_NAMES = frozenset({".asx", ".cue", ".m3u", ".m3u8", ".pls", ".wpl", ".xspf"})
PLAYLIST = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:#EXTM3U|\[playlist\])", re.IGNORECASE)
NOT_IN_TEXT = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
TEXT_BYTES = 512

# Codings in an mp4, and objects in the header of a Windows Media file, that stand for protection.
PROTECTED_CODINGS = frozenset({b"drms", b"enca", b"p608", b"aavd"})
ASF_PROTECTION = (
    bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"),
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),
)
ASF_HEADER_BYTES = 1 << 16
TAG_BYTES = 10

# Packets of an MPEG transport stream, alone and behind a time stamp of four bytes.
TS_PACKETS = ((0, 188), (4, 192), (0, 204))
TS_SYNC = 0x47


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a file is.

    Attributes
    ----------
    name : of the kind; empty when the first bytes are no known ones.
    reason : why it cannot be heard, if nothing can decode it; coded: only few programs know it.
    start : bytes of tags (ID3) before the sound.
    """

    name: str
    reason: Reason
    start: int = 0

    @property
    def refusal(self) -> str | None:
        """What it is and what to do, as the end of a sentence; None for sound of any kind."""
        sentence = SENTENCES.get(self.reason)
        return sentence.format(kind=self.name) if sentence else None


def after_tags(content: Content, at: int = 0) -> int:
    """Where the sound begins, behind ID3 tags at `at` such as a cover."""
    while content[at : at + 3] == b"ID3" and at + TAG_BYTES <= len(content):
        size = 0
        for byte in content[at + 6 : at + TAG_BYTES]:
            size = size * 128 + (byte & 0x7F)
        at += TAG_BYTES + size + (TAG_BYTES if content[at + 5] & 0x10 else 0)
    return min(at, len(content))


def kind_of(content: Content, name: str) -> Kind:
    """What a file of this content and name is."""
    start = after_tags(content)
    found = next((word for word in WORDS if _matches(content, start, word)), None)
    if found is None:
        return _text(content[start : start + TEXT_BYTES], name, start)
    kind = Kind(found[2], found[3], start)
    if kind.name == "mp4" and PROTECTED_CODINGS & codings(content):
        return dataclasses.replace(kind, reason="protected")
    if kind.name == "Windows Media (WMA)":
        header = content[start : start + ASF_HEADER_BYTES]
        if any(word in header for word in ASF_PROTECTION):
            return dataclasses.replace(kind, reason="protected")
    return kind


def _matches(
    content: Content,
    start: int,
    word: tuple[int, bytes, str, Reason] | tuple[int, bytes, str, Reason, int, bytes],
) -> bool:
    places = [(word[0], word[1])]
    if len(word) == 6:
        places.append((word[4], word[5]))
    return all(content[start + at : start + at + len(letters)] == letters for at, letters in places)


def _text(head: bytes, name: str, start: int) -> Kind:
    if not head or NOT_IN_TEXT.search(head):
        return Kind("", "damaged", start)
    playlist = Path(name).suffix.lower() in PLAYLIST_NAMES or PLAYLIST.match(head)
    return Kind("text", "playlist" if playlist else "document", start)


def codings(content: Content) -> set[bytes]:
    """How the tracks of an mp4 are coded: four letters each (ISO/IEC 14496-12, 8.5)."""
    for name, at, size in boxes(content):
        if name == b"moov":
            index = content[at : at + size]
            places = (found.start() for found in re.finditer(b"stsd", index))
            return {index[place + 16 : place + 20] for place in places}
    return set()


def boxes(content: Content) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of each box of an mp4 that is in no other (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16], "big")
        size = size or len(content) - at
        if size < 8:
            return
        yield content[at + 4 : at + 8], at, size
        at += size


def is_transport_stream(path: Path) -> bool:
    """Whether a file has the sync bytes of MPEG; other files named .ts are programs' texts."""
    try:
        with path.open("rb") as file:
            head = file.read(4 * 204)
    except OSError:
        return False
    return any(
        len(head) > first + step and all(byte == TS_SYNC for byte in head[first::step])
        for first, step in TS_PACKETS
    )
