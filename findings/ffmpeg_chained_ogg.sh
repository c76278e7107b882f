#!/bin/sh
# ffmpeg hears only the first song of a chained Ogg Vorbis file (RFC 3533, 4) where the second one has
# another rate or other channels, and exits with 0: its one line of error ("not supported") is not seen
# by programs that look at the exit code. Where both are alike it hears all. Older ones, such as 5.1,
# hear all in each case.
#
# Seen with the ffmpeg 9.0.2 of imageio-ffmpeg 0.8.1, songs of 8 s and 9 s one behind the other:
#   alike: 17.0 s; other channels: 8.0 s, exit code 0; another rate: 8.0 s, exit code 0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check imageio-ffmpeg==0.8.1
venv/bin/python - <<'PYTHON'
import subprocess

import imageio_ffmpeg

program = imageio_ffmpeg.get_ffmpeg_exe()


def song(hertz, seconds, *how):
    source = ["-f", "lavfi", "-i", f"sine={hertz}:d={seconds}:r=44100"]
    command = [program, "-v", "error", *source, *how, "-c:a", "libvorbis", "-f", "ogg", "pipe:1"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def heard(name, *how):
    chained = song(300, 8) + song(500, 9, *how)
    command = [program, "-v", "error", "-i", "pipe:0", "-ac", "1", "-ar", "22050", "-f", "f32le", "pipe:1"]
    done = subprocess.run(command, input=chained, capture_output=True)
    seconds = len(done.stdout) / 4 / 22050
    print(f"{name}: {seconds:.1f} s, exit code {done.returncode}")
    return done.returncode, round(seconds)


print(subprocess.run([program, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
assert heard("alike") == (0, 17), "alike ones differ now"
assert heard("other channels", "-ac", "2") == (0, 8), "other channels differ now"
assert heard("another rate", "-ar", "48000") == (0, 8), "another rate differs now"
PYTHON
