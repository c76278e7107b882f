#!/bin/sh
# mediabunny finds no packet in a FLAC file whose frames give the sample rate in kHz: the frame header
# may hold the rate as one byte, in kHz (RFC 9639, 9.1.5), and libFLAC does so at 64,000 Hz, which has
# no code of its own there. The track is found, with its right rate, and holds nothing: no error is
# raised. The same with files of 192,000 Hz whose encoder chose the byte instead of the code.
#
# Seen with mediabunny 1.61.0, files of one second written by soundfile 0.14.0 (libsndfile, libFLAC):
#   packets at 48000 Hz: 12; at 64000 Hz: 0; at 96000 Hz: 24; rate of each track: the file's
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund mediabunny@1.61.0
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check soundfile==0.14.0 numpy==2.4.3
venv/bin/python - <<'PYTHON'
import numpy as np
import soundfile

for rate in (48_000, 64_000, 96_000):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    soundfile.write(f"{rate}.flac", tone, rate)
PYTHON
cat > ask.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny';

const found = {};
for (const rate of [48_000, 64_000, 96_000]) {
  const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(readFileSync(`${rate}.flac`)) });
  const track = await input.getPrimaryAudioTrack();
  let packets = 0;
  for await (const packet of new EncodedPacketSink(track).packets()) packets += packet.data.length > 0;
  found[rate] = { packets, rate: track.sampleRate };
}
console.log(JSON.stringify(found));
JS
node ask.mjs | tee found.json
venv/bin/python - <<'PYTHON'
import json

found = json.load(open("found.json"))
assert all(each["rate"] == int(rate) for rate, each in found.items()), "mediabunny tells other rates"
assert found["48000"]["packets"] and found["96000"]["packets"], "mediabunny reads less now"
assert found["64000"]["packets"] == 0, "mediabunny reads more now"
PYTHON
