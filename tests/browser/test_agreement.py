"""The features of the browser's decoding and those of librosa's must lead to the same answers."""

import pytest

from . import sounds
from .agreement import compare


def test_decoding_does_not_change_the_winners(here, tmp_path, shared_songs):
    made = [
        sounds.write(tmp_path / name, 40, rate, channels=channels, seed=rate)
        for name, rate, channels in (
            ("mono.wav", 22050, 1), ("cd.flac", 44100, 2), ("studio.mp3", 48000, 2),
        )
    ]  # fmt: skip
    count, differences = compare(here, made + shared_songs, "v1")
    assert count >= 3 * 6
    assert len(differences) <= 2, "\n".join(map(str, differences))


def test_missing_segments_raise_an_error(here, tmp_path, monkeypatch):
    song = sounds.write(tmp_path / "half.wav", 20, 22050)
    whole = here.decoded
    monkeypatch.setattr(here, "decoded", lambda file, rate: whole(file, rate)[: 10 * rate])
    with pytest.raises(ValueError, match=r"half\.wav: 4 segments by librosa, 2 by the browser"):
        compare(here, [song], "v1")
