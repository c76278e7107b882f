"""Commands say what they have to say; their libraries do not talk between the sentences."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from model_training.quiet import LEVEL, NOISE
from tests.browser.sounds import write

# Output of TensorFlow 2.21 and 2.16, of LiteRT, and of libsndfile on a joined mp3.
NOISY = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795842764.679073   13180 port.cc:153] oneDNN custom operations are on. You may see
I0000 00:00:1795842764.679618   13180 cudart_stub.cc:31] Could not find cuda drivers on your machine
To enable the following instructions: AVX2 AVX512F AVX512_VNNI AVX512_BF16 FMA, in other operations
E0000 00:00:1795842773.475477   13180 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA \
error: Failed call to cuInit: UNKNOWN ERROR (303)
E0000 00:00:1795842773.475477   13180 cuda_diagnostics.cc:9] failed call to cuInit: \
CUDA_ERROR_NO_DEVICE
E0000 00:00:1795842773.475477   13180 cuda_fft.cc:477] Unable to register cuFFT factory: Attempting
W0000 00:00:1795842598.220070    7977 tf_tfl_flatbuffer_helpers.cc:364] Ignored output_format.
2024-05-01 10:00:00.123456: I tensorflow/core/util/port.cc:113] oneDNN custom operations are on.
2024-05-01 10:00:00.123456: W tensorflow/compiler/tf2tensorrt/utils.cc:38] Could not find TensorRT
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
Warning: Xing stream size off by more than 1%, fuzzy seeking may be even more fuzzy than by design!
"""
REAL = """\
E0000 00:00:1795842773.475477   13180 cuda_platform.cc:52] failed call to cuInit: \
CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: system has unsupported display driver
F0000 00:00:1795842773.475477   13180 cpu_feature_guard.cc:65] was compiled to use AVX instructions
2024-05-01 10:00:00.123456: E tensorflow/core/framework/op.cc:1] out of memory
terminate called after throwing an instance of 'std::bad_alloc'
Warning: this is a sentence of a child process
Traceback (most recent call last):
  12 of 30 songs

Killed
"""

# Native code writes to the file descriptor, and a child process inherits it. The last line has no
# end, as when a process crashes.
PROGRAM = """
import os, subprocess, sys
from model_training.quiet import quiet_stderr
with quiet_stderr():
    print("Python's own.", file=sys.stderr)
    os.write(2, sys.argv[1].encode())
    subprocess.run([sys.executable, "-c", "import os, sys; os.write(2, sys.argv[1].encode())",
                    sys.argv[1]], check=True)
    os.write(2, b"Warning: no end of line")
    if sys.argv[2] == "crash":
        os.abort()
print("After it.", file=sys.stderr)
os.write(2, b"I0000 00:00:1.2 3 port.cc:153] unfiltered")
"""


def run(*words: str, level: str | None = None) -> subprocess.CompletedProcess[str]:
    surroundings = {name: value for name, value in os.environ.items() if name != LEVEL}
    return subprocess.run(
        [sys.executable, *words],
        cwd=Path(__file__).resolve().parents[2],
        env=surroundings | ({} if level is None else {LEVEL: level}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_noise_and_real_lines_are_told_apart():
    assert [line for line in NOISY.splitlines() if not NOISE.match(line.encode())] == []
    assert [line for line in REAL.splitlines() if NOISE.match(line.encode())] == []


@pytest.mark.parametrize("end", ["well", "crash"])
def test_only_noise_is_left_out_also_of_child_processes(end):
    done = run("-c", PROGRAM, NOISY + REAL + NOISY, end)
    # Python's own lines bypass the filter, so they may stand anywhere between the others.
    lines = done.stderr.replace("Python's own.\n", "").replace("After it.\n", "")
    rest = lines.removeprefix(REAL + REAL + "Warning: no end of line")
    assert rest == ("" if end == "crash" else "I0000 00:00:1.2 3 port.cc:153] unfiltered")
    assert "Python's own.\n" in done.stderr
    assert (done.returncode == 0) == (end == "well")


def test_a_level_that_is_set_shows_everything():
    done = run("-c", PROGRAM, NOISY, "well", level="0")
    assert done.stderr.count(NOISY) == 2


@pytest.mark.parametrize("engine", ["litert", "keras"])
def test_a_command_says_its_sentences_only(tmp_path: Path, engine: str) -> None:
    song = write(tmp_path / "song.wav", 3, 22050)
    done = run("-m", "model_training", "predict", str(song), "gone.wav", "--engine", engine)
    assert done.stderr.splitlines() == [
        "gone.wav: there is no such file.",
        "error: 1 of 2 files got no answer; see above.",
    ]
    assert re.match(rf"{re.escape(str(song))}: .* segments say \w+\n", done.stdout)
