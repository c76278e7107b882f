#!/bin/sh
# A wav has two places for a genre, a LIST INFO chunk and an ID3 chunk, and the tools disagree on them:
# ffmpeg writes the first, mutagen reads and writes the second only. mutagen tells of a wav with a genre
# that it has none, and what it writes stands beside the old one: ffmpeg then tells both, the old one
# first, and a program that reads INFO shows the old one for good.
#
# Seen with mutagen 1.48.1 and the ffmpeg 9.0.2 of imageio-ffmpeg 0.8.1:
#   by ffmpeg: mutagen None, ffmpeg Jazz; and by mutagen: mutagen Rock, ffmpeg Jazz, Rock
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check mutagen==1.48.1 imageio-ffmpeg==0.8.1
venv/bin/python - <<'PYTHON'
import re
import subprocess

import imageio_ffmpeg
import mutagen
from mutagen.id3 import TCON
from mutagen.wave import WAVE

program = imageio_ffmpeg.get_ffmpeg_exe()
SONG = "song.wav"


def genres(name):
    tags = WAVE(SONG).tags
    by_mutagen = tags and str(tags["TCON"])
    told = subprocess.run([program, "-i", SONG], capture_output=True, text=True).stderr
    by_ffmpeg = re.findall(r"^ +genre +: (.*)$", told, re.MULTILINE)
    print(f"{name}: mutagen {by_mutagen}, ffmpeg {', '.join(by_ffmpeg)}")
    return by_mutagen, by_ffmpeg


print(f"mutagen {mutagen.version_string}, ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}")
sound = ["-f", "lavfi", "-i", "sine=300:d=2", "-metadata", "genre=Jazz"]
subprocess.run([program, "-v", "error", *sound, SONG], check=True)
assert genres("by ffmpeg") == (None, ["Jazz"]), "what ffmpeg writes is read otherwise now"

song = WAVE(SONG)
song.add_tags()
song.tags.add(TCON(encoding=3, text=["Rock"]))
song.save()
assert genres("and by mutagen") == ("Rock", ["Jazz", "Rock"]), "two genres are told otherwise now"
PYTHON
