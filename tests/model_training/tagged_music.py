"""Sound files with tags of every kind that is written, and what ffmpeg reads of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import mutagen.id3
import mutagen.mp4

from .music import ffmpeg, tune, write

# Kind of file, and what ffmpeg has to be told to write tags there.
WAYS = {
    "mp3, ID3v2.3": (".mp3", "-id3v2_version", "3"),
    "mp3, ID3v2.4": (".mp3", "-id3v2_version", "4"),
    "mp3, ID3v2.3 and ID3v1": (".mp3", "-id3v2_version", "3", "-write_id3v1", "1"),
    "mp3, ID3v1": (".mp3", "-id3v2_version", "3", "-write_id3v1", "1"),
    "flac": (".flac",),
    "ogg": (".ogg", "-c:a", "libvorbis"),
    "ogg, flac": (".oga", "-c:a", "flac"),
    "opus": (".opus", "-c:a", "libopus"),
    "m4a": (".m4a",),
    "wav": (".wav",),
    "aiff": (".aiff", "-write_id3v2", "1"),
}
# Beside the genre; long enough that a tag grows over its padding at some time.
TAGS = {"title": "Ol' é 你好", "artist": "Sam & Ann", "album": "One", "date": "1979",
        "comment": "x" * 300}  # fmt: skip
# ffmpeg's notes on a coding, which it makes itself.
NOTES = {"encoder", "major_brand", "minor_version", "compatible_brands"}


def make(
    folder: Path, way: str, genre: str | None = None, *, tagged: bool = True, seconds: float = 3.0
) -> Path:
    """A tune with `TAGS`, or without any."""
    suffix, *options = WAYS[way]
    path = folder / f"song{suffix}"
    plain = write(folder / "plain.wav", tune(seconds, 44100, seed=len(way), channels=2), 44100)
    tags = {**(TAGS if tagged else {}), **({"genre": genre} if genre else {})}
    told = [word for name, text in tags.items() for word in ("-metadata", f"{name}={text}")]
    if not tagged and not genre:
        told += ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
    ffmpeg("-i", f"file:{plain}", *options, *told, f"file:{path}")
    plain.unlink()
    if way == "mp3, ID3v1":  # ffmpeg writes half of it alone
        mutagen.id3.delete(path, delete_v1=False)
    return path


def number_genre(path: Path, number: int, *, text: bool = False) -> None:
    """Give an m4a its genre as a number of the old list, beside its text or in the text's place."""
    tags = mutagen.mp4.MP4(path)
    assert tags.tags is not None
    value = number.to_bytes(2, "big")
    # A text of two letters has the length of a number, and its atom becomes that of a number.
    tags.tags["nmbr"] = ["ab"]
    if not text:
        tags.tags.pop("\xa9gen", None)
    tags.save()
    content = path.read_bytes()
    placed = b"nmbr" + b"\0\0\0\x12data\0\0\0\1\0\0\0\0ab"
    assert content.count(placed) == 1
    path.write_bytes(content.replace(placed, b"gnre" + b"\0\0\0\x12data\0\0\0\0\0\0\0\0" + value))


def _output(path: Path, *words: str) -> str:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", f"file:{path}", *words]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def tags_of(path: Path) -> dict[str, str]:
    """The tags of a file as ffmpeg reads them, those of its stream too."""
    text = _output(path, "-map_metadata", "0:g", "-f", "ffmetadata", "-")
    if path.suffix in (".ogg", ".oga", ".opus"):
        text = _output(path, "-map_metadata", "0:s:a:0", "-f", "ffmetadata", "-")
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    found = {name.lower(): value.replace("\\", "") for name, _, value in pairs}
    # The comment of an ID3v1 tag, under the name that it has in ID3v2.
    named = {name.removeprefix("id3v1 "): value for name, value in found.items()}
    return {name: value for name, value in named.items() if name not in NOTES}


def heard(path: Path) -> str:
    """A checksum of the sound as ffmpeg decodes it."""
    return _output(path, "-map", "0:a:0", "-f", "md5", "-")
