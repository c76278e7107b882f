"""A file of every kind that docs/files.md has a row for: most of them with the same short song.

The ffmpeg of the package imageio-ffmpeg makes them, because its version is pinned and it has more
encoders than others. Kinds that no free encoder makes have their first bytes only.
"""

from __future__ import annotations

import dataclasses
import io
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import soundfile

from .sounds import band

# The end of its fourth piece is 19.9 s: an encoder may lose half a second of it.
SECONDS = 20.5
HALF_S = SECONDS / 2
# The song whose answer is the surest one, with a piece of another genre in its middle.
SEED = 4
PART_1 = f"-t {HALF_S}"
PART_2 = f"-ss {HALF_S}"
BARE = "-write_xing 0 -id3v2_version 0"
OPPOSITE = "-af pan=stereo|c0=c0|c1=-1*c0"
# As of a large cover.
LARGE_TAG = 1_200_000

# Row -> name of its file, and ffmpeg's options for it.
ENCODED = {
    "wav, 8 bits": ("wav8.wav", "-c:a pcm_u8"),
    "wav, 16 bits": ("wav16.wav", "-c:a pcm_s16le"),
    "wav, 24 bits": ("wav24.wav", "-c:a pcm_s24le"),
    "wav, 32 bits": ("wav32.wav", "-c:a pcm_s32le"),
    "wav, floats of 32 bits": ("float32.wav", "-c:a pcm_f32le"),
    "wav, floats of 64 bits": ("float64.wav", "-c:a pcm_f64le"),
    "wav, A-law": ("alaw.wav", "-c:a pcm_alaw"),
    "wav, µ-law": ("ulaw.wav", "-c:a pcm_mulaw"),
    "wav, ADPCM (Microsoft)": ("adpcm.wav", "-c:a adpcm_ms"),
    "wav, ADPCM (IMA)": ("ima.wav", "-c:a adpcm_ima_wav"),
    "wav, RF64": ("rf64.wav", "-c:a pcm_s16le -rf64 always"),
    "wav, 8 kHz": ("telephone.wav", "-c:a pcm_s16le -ar 8000"),
    "wav, channels in opposite phase": ("phase.wav", f"-c:a pcm_s16le {OPPOSITE}"),
    "m4a, channels in opposite phase": ("phase.m4a", f"-c:a aac {OPPOSITE}"),
    "wav, W64": ("sony.w64", "-c:a pcm_s16le"),
    "aiff, 16 bits": ("aiff16.aiff", "-c:a pcm_s16be"),
    "aiff, 24 bits": ("aiff24.aif", "-c:a pcm_s24be"),
    "aifc, little endian (sowt)": ("sowt.aifc", "-c:a pcm_s16le -f aiff"),
    "aifc, floats (fl32)": ("fl32.aifc", "-c:a pcm_f32be -f aiff"),
    "aifc, µ-law": ("ulaw.aifc", "-c:a pcm_mulaw -f aiff"),
    "au, 16 bits": ("au16.au", "-c:a pcm_s16be"),
    "au, µ-law": ("ulaw.au", "-c:a pcm_mulaw"),
    "au, floats": ("float.au", "-c:a pcm_f32be"),
    "caf, little endian": ("little.caf", "-c:a pcm_s16le"),
    "caf, big endian": ("big.caf", "-c:a pcm_s16be"),
    "caf, ALAC": ("alac.caf", "-c:a alac"),
    "mp3, constant bit rate": ("cbr.mp3", "-b:a 128k"),
    "mp3, constant bit rate, no header": ("bare.mp3", f"-b:a 128k {BARE}"),
    "mp3, variable bit rate": ("vbr.mp3", "-q:a 4"),
    "mp3, variable bit rate, no header": ("vbr-bare.mp3", f"-q:a 4 {BARE}"),
    "mp2": ("layer2.mp2", "-c:a mp2 -b:a 192k"),
    "aac (ADTS)": ("plain.aac", "-c:a aac"),
    "MPEG-TS with AAC": ("radio.ts", "-c:a aac -f mpegts"),
    "MPEG-TS with MP3": ("radio-mp3.ts", "-c:a libmp3lame -f mpegts"),
    "flac, 44.1 kHz": ("cd.flac", "-c:a flac -sample_fmt s16"),
    "flac in ogg": ("flac.oga", "-c:a flac -sample_fmt s16 -f ogg"),
    "ogg, Vorbis": ("vorbis.ogg", "-c:a libvorbis"),
    "opus": ("plain.opus", "-c:a libopus"),
    "m4a, AAC": ("aac.m4a", "-c:a aac"),
    "m4a, ALAC": ("alac.m4a", "-c:a alac"),
    "m4b": ("book.m4b", "-c:a aac -f mp4"),
    "webm, Opus": ("opus.webm", "-c:a libopus"),
    "mka, Vorbis": ("vorbis.mka", "-c:a libvorbis"),
    "mka, MP3": ("mp3.mka", "-c:a libmp3lame"),
    "3gp, AAC": ("aac.3gp", "-c:a aac"),
    "3gp, AMR": ("amr.3gp", "-c:a libopencore_amrnb -ar 8000 -ac 1 -b:a 12.2k"),
    "amr": ("dictaphone.amr", "-c:a libopencore_amrnb -ar 8000 -ac 1 -b:a 12.2k"),
    "wma": ("windows.wma", "-c:a wmav2"),
    "WavPack": ("pack.wv", "-c:a wavpack"),
    "True Audio": ("true.tta", "-c:a tta -sample_fmt s16"),
    "Dolby Digital (AC-3)": ("dolby.ac3", "-c:a ac3"),
}  # fmt: skip
# The same for sound up to 96 kHz, which resamplers may fold back into what is heard.
HIGH = {
    "wav, 192 kHz": ("high192.wav", "-c:a pcm_s24le"),
    "flac, 96 kHz": ("high96.flac", "-c:a flac -sample_fmt s32 -ar 96000"),
    "flac, 192 kHz, the rate in kHz in its frames": ("high192.flac", "-c:a flac -sample_fmt s32"),
}
# Files that are put together from others, which have no row of their own.
PARTS = {
    "32.mp3": f"{PART_1} -ac 1 -b:a 32k {BARE}",
    "320.mp3": f"{PART_2} -b:a 320k {BARE}",
    "mono.mp3": f"{PART_1} -ac 1 -b:a 64k {BARE}",
    "stereo.mp3": f"{PART_2} -b:a 128k {BARE}",
    "48000.mp3": f"{PART_2} -ar 48000 -b:a 128k {BARE}",
    "22050.mp3": f"{PART_1} -ar 22050 -b:a 64k {BARE}",
    "first.mp3": f"{PART_1} -q:a 4",
    "second.mp3": f"{PART_2} -q:a 4",
    "first.ogg": f"{PART_1} -c:a libvorbis -serial_offset 1",
    "second.ogg": f"{PART_2} -c:a libvorbis -serial_offset 2",
    "48000.ogg": f"{PART_2} -c:a libvorbis -ar 48000 -serial_offset 3",
    "first.opus": f"{PART_1} -c:a libopus -serial_offset 4",
    "second.opus": f"{PART_2} -c:a libopus -serial_offset 5",
    "first.wav": PART_1,
    "second.wav": PART_2,
    "first.flac": f"{PART_1} -sample_fmt s16",
    "second.flac": f"{PART_2} -sample_fmt s16",
    "first.aac": PART_1,
    "second.aac": f"{PART_2} -ac 1",
    "first.m4a": f"{PART_1} -c:a aac",
    "second.m4a": f"{PART_2} -c:a aac",
}
JOINED = {
    "mp3, variable bit rate, no header, the clock far off": ("clock.mp3", "32.mp3", "320.mp3"),
    "mp3, joined, each with its header": ("joined.mp3", "first.mp3", "second.mp3"),
    "mp3, joined, mono then stereo": ("mono-stereo.mp3", "mono.mp3", "stereo.mp3"),
    "mp3, joined, 22.05 kHz then 48 kHz": ("rates.mp3", "22050.mp3", "48000.mp3"),
    "ogg, Vorbis, chained": ("chained.ogg", "first.ogg", "second.ogg"),
    "ogg, Vorbis, chained, two rates": ("rates.ogg", "first.ogg", "48000.ogg"),
    "wav, joined": ("joined.wav", "first.wav", "second.wav"),
    "flac, joined": ("joined.flac", "first.flac", "second.flac"),
    "aac (ADTS), joined, stereo then mono": ("joined.aac", "first.aac", "second.aac"),
    "m4a, joined": ("joined.m4a", "first.m4a", "second.m4a"),
    "opus, chained": ("chained.opus", "first.opus", "second.opus"),
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A row of docs/files.md: what it says, its file, and the seconds of sound in it."""

    row: str
    path: Path
    seconds: float


def id3(size: int) -> bytes:
    """Return a tag as before mp3 files, of `size` bytes and its head."""
    lengths = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + lengths + bytes(size)


def with_sizes(wav: bytes, of_file: int, of_data: int) -> bytes:
    """Return a wav file whose header tells these sizes."""
    at = wav.index(b"data") + 4
    sizes = (struct.pack("<I", size) for size in (of_file, of_data))
    first, second = sizes
    return wav[:4] + first + wav[8:at] + second + wav[at + 4 :]


def cut_off(wav: bytes) -> bytes:
    """Return a wav file whose header tells half as much again as it holds."""
    told = struct.unpack_from("<I", wav, wav.index(b"data") + 4)[0] * 3 // 2
    return with_sizes(wav, told + 36, told)


def with_small_count(mp3: bytes) -> bytes:
    """Return an mp3 file whose header counts half of its frames."""
    at = max(mp3.find(b"Xing"), mp3.find(b"Info")) + 8
    frames = struct.unpack_from(">I", mp3, at)[0] // 2
    return mp3[:at] + struct.pack(">I", frames) + mp3[at + 4 :]


def protected(m4a: bytes) -> bytes:
    """Return an m4a file that says of itself that it is protected, with scrambled sound."""
    head, mdat, sound = m4a.partition(b"mdat")
    content, moov, rest = sound.rpartition(b"moov")
    if moov:
        sound = bytes(byte ^ 0x5A for byte in content[:-4]) + content[-4:] + moov + rest
    return (head + mdat + sound).replace(b"M4A ", b"M4P ").replace(b"mp4a", b"drms")


# Row -> name of its file, the row that it is made from, and how.
CHANGED: dict[str, tuple[str, str, Callable[[bytes], bytes]]] = {
    "wav, size 0": ("size0.wav", "wav, 16 bits", lambda wav: with_sizes(wav, 0, 0)),
    "wav, size 0xFFFFFFFF": (
        "endless.wav", "wav, 16 bits", lambda wav: with_sizes(wav, 2**32 - 1, 2**32 - 1),
    ),
    "wav, cut off": ("cut.wav", "wav, 16 bits", cut_off),
    "wav behind an ID3 tag": ("tagged.wav", "wav, 16 bits", lambda wav: id3(2000) + wav),
    "mp3 behind an ID3 tag above 1 MB": (
        "cover.mp3", "mp3, constant bit rate", lambda mp3: id3(LARGE_TAG) + mp3,
    ),
    "mp3, its count of frames too small": (
        "count.mp3", "mp3, variable bit rate", with_small_count,
    ),
    "flac behind an ID3 tag": ("tagged.flac", "flac, 44.1 kHz", lambda flac: id3(2000) + flac),
    "flac behind an ID3 tag above 1 MB": (
        "cover.flac", "flac, 44.1 kHz", lambda flac: id3(LARGE_TAG) + flac,
    ),
    "a song with a hidden name": (".song.mp3", "mp3, constant bit rate", lambda mp3: mp3),
    "protected m4a (m4p); made from an m4a": ("bought.m4p", "m4a, AAC", protected),
}  # fmt: skip


def ogg_page(packet: bytes) -> bytes:
    """Return the first page of an ogg file; its checksum is left out."""
    head = b"OggS\0\x02" + bytes(8) + b"\1\0\0\0" + bytes(8)
    return head + bytes([1, len(packet)]) + packet


def midi() -> bytes:
    """Return a MIDI file of one note."""
    track = bytes.fromhex("00903c40 8360803c40 00ff2f00")
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", 12) + track


def archive(content: bytes) -> bytes:
    """Return a zip file with a song in it."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("song.mp3", content)
    return written.getvalue()


def caf_of_aac() -> bytes:
    """Return the beginning of a CAF file with AAC, which ffmpeg reads and does not write."""
    described = struct.pack(">d4sIIIII", 44100, b"aac ", 0, 0, 1024, 2, 0)
    return b"caff\0\1\0\0desc" + struct.pack(">q", 32) + described


REST = bytes(range(256)) * 16
# Row -> name of its file and the bytes. Those that are no sound, and those of first bytes only.
MADE = {
    "caf, AAC; first bytes only": ("aac.caf", caf_of_aac()),
    "Monkey's Audio (ape); first bytes only": ("monkey.ape", b"MAC \x96\x0f\0\0" + REST),
    "Musepack (mpc); first bytes only": ("muse.mpc", b"MPCKSH\x0f" + REST),
    "DSD (dsf); first bytes only": ("sony.dsf", b"DSD \x1c\0\0\0\0\0\0\0" + REST),
    "DSD (dff); first bytes only": ("philips.dff", b"FRM8" + bytes(60)),
    "Speex (spx); first bytes only": ("speech.spx", ogg_page(b"Speex   1.2" + bytes(69)) + REST),
    "rar; first bytes only": ("album.rar", b"Rar!\x1a\x07\x01\0" + REST),
    "playlist (m3u)": ("list.m3u", b"#EXTM3U\n#EXTINF:20,A song\nsong.mp3\n"),
    "playlist (pls)": ("list.pls", b"[playlist]\nFile1=song.mp3\nNumberOfEntries=1\nVersion=2\n"),
    "MIDI": ("notes.mid", midi()),
    "text": ("words.mp3", b"Once upon a time there was a long text. " * 500),
    "TypeScript (ts)": ("program.ts", b"export const answer: number = 42;\n" * 50),
    "html": ("page.html", b"<!DOCTYPE html><title>A song</title><p>No sound.</p>\n"),
    "png": ("cover.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(16) + REST),
    "a Mac's companion of a song": ("._song.mp3", b"\0\5\x16\7\0\2\0\0Mac OS X        " + REST),
    "an empty file": ("empty.mp3", b""),
    "nothing but zeros": ("zeros.mp3", bytes(500_000)),
}  # fmt: skip


def write_kinds(folder: Path) -> list[Kind]:
    """Write a file of every kind into an empty folder; return them in the order of the table."""
    pieces = folder / "pieces"
    pieces.mkdir()
    song, high = pieces / "song.wav", pieces / "high.wav"
    soundfile.write(song, band(SECONDS, 44100, SEED)[:, None] * [[1.0, 0.7]], 44100, "FLOAT")
    soundfile.write(high, band(SECONDS, 192000, SEED), 192000, "FLOAT")
    options = {folder / name: how for name, how in ENCODED.values()}
    _encode(song, options | {pieces / name: how for name, how in PARTS.items()})
    _encode(high, {folder / name: how for name, how in HIGH.values()})
    video = "-f lavfi -i color=size=64x64:rate=5 -map 0:a -map 1:v -shortest -c:v libx264 -c:a aac"
    _encode(song, {folder / "film.mp4": video})
    made = {row: name for row, (name, _) in (ENCODED | HIGH).items()}
    made["mp4 with a film"] = "film.mp4"

    def add(row: str, name: str, content: bytes) -> None:
        (folder / name).write_bytes(content)
        made[row] = name

    for row, (name, *parts) in JOINED.items():
        add(row, name, b"".join((pieces / part).read_bytes() for part in parts))
    for row, (name, source, change) in CHANGED.items():
        add(row, name, change((folder / made[source]).read_bytes()))
    add("flac, 192 kHz", "header192.flac", _flac(high))
    add("zip", "album.zip", archive((folder / "cbr.mp3").read_bytes()))
    silent = dict.fromkeys((*MADE, "zip", "protected m4a (m4p); made from an m4a"), 0.0)
    for row, (name, content) in MADE.items():
        add(row, name, content)
    return [Kind(row, folder / name, silent.get(row, SECONDS)) for row, name in made.items()]


def _flac(sound: Path) -> bytes:
    # libFLAC gives the rate in the frames by a number that stands for it.
    content = io.BytesIO()
    samples, rate = soundfile.read(sound)
    soundfile.write(content, samples, rate, "PCM_24", format="FLAC")
    return content.getvalue()


def _encode(source: Path, options: dict[Path, str]) -> None:
    # Imported here, because only the largest lock has it.
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", str(source)]
    for target, how in options.items():
        command += [*how.split(), str(target)]
    subprocess.run(command, check=True)
