"""`trim`: a part of a sound file."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

HELP = "keep the part of a sound file between two times"
EXAMPLES = """\
python -m model_training trim song.mp3 --start 30 --end 60 --out refrain.wav
python -m model_training trim song.mp3 --start 1:05 --out rest.wav
"""


def time_of(text: str) -> float:
    """Seconds of "65.5", "1:05.5" or "0:01:05.5"."""
    seconds = 0.0
    try:
        for part in text.split(":"):
            seconds = 60 * seconds + float(part)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: seconds, or minutes:seconds")
    return seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="sound file of any kind")
    parser.add_argument(
        "--start", type=time_of, default=0.0, help="seconds, or minutes:seconds; 0 by default"
    )
    parser.add_argument("--end", type=time_of, help="as --start; the end of the file by default")
    parser.add_argument("--out", type=Path, required=True, help="wav file to write")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the wav file if there is one"
    )


def run(options: argparse.Namespace) -> None:
    """Trim, then say what was written."""
    from ..sound.conversion import trim

    part = trim(options.file, options.out, options.start, options.end, overwrite=options.overwrite)
    print(f"{options.out}: {part.seconds:.2f} s")
