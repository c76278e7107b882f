"""Augmented copies: each change does what its name says, and can be repeated."""

import random
import threading

import numpy as np
import pytest

from model_training.errors import TrainingError
from model_training.experiment import AudioAugmentation, load_experiment
from model_training.sound.audio_augmentation import CUTOFF_HZ, SNR_DB, augment

RATE = 22050
NOTHING = {
    "probability": 1.0,
    "speed": 0.0,
    "stretch": 0.0,
    "pitch": 0.0,
    "gain_db": 0.0,
    "noise": 0.0,
    "low_pass": 0.0,
}
TONE = np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE).astype(np.float32) * 0.5


def changed(samples=TONE, *, track="gnawa/song.mp3", copy=1, seed=1, **options):
    return augment(
        samples,
        RATE,
        AudioAugmentation(**{**NOTHING, **options}),
        seed=seed,
        track=track,
        copy=copy,
    )


def frequency(sound) -> float:
    """The strongest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(spectrum.argmax() * RATE / len(sound))


COPIES = range(1, 9)


def test_nothing_asked_for_is_the_clip_itself():
    same = changed()
    assert np.array_equal(same, TONE)
    assert same is not TONE


def test_speed_moves_length_and_pitch_together():
    lengths = []
    for copy in COPIES:
        sound = changed(speed=0.1, copy=copy)
        length = len(sound) / len(TONE)
        assert 0.89 < length < 1.11
        assert frequency(sound) == pytest.approx(1000 / length, rel=0.01)
        lengths.append(length)
    assert min(lengths) < 0.97
    assert max(lengths) > 1.03


def test_stretch_moves_the_length_alone():
    lengths = []
    for copy in COPIES:
        sound = changed(stretch=0.1, copy=copy)
        assert frequency(sound) == pytest.approx(1000, rel=0.01)
        lengths.append(len(sound) / len(TONE))
    assert 0.9 < min(lengths) < 0.97
    assert 1.03 < max(lengths) < 1.12


def test_pitch_moves_the_pitch_alone():
    ratios = []
    for copy in COPIES:
        sound = changed(pitch=2.0, copy=copy)
        assert len(sound) == len(TONE)
        ratios.append(frequency(sound) / 1000)
    semitones = 12 * np.log2(ratios)
    assert np.abs(semitones).max() <= 2.2
    assert semitones.min() < -0.5
    assert semitones.max() > 0.5


def test_gain_moves_the_loudness_alone():
    gains = []
    for copy in COPIES:
        sound = changed(gain_db=6.0, copy=copy)
        ratio = float(np.abs(sound).max() / np.abs(TONE).max())
        np.testing.assert_allclose(sound, TONE * ratio, atol=1e-6)
        gains.append(20 * np.log10(ratio))
    assert np.abs(gains).max() <= 6.0
    assert min(gains) < 0 < max(gains)


def test_noise_is_as_loud_as_promised():
    for copy in COPIES:
        noise = changed(noise=1.0, copy=copy) - TONE
        snr = 20 * np.log10(TONE.std() / noise.std())
        assert SNR_DB[0] - 0.5 < snr < SNR_DB[1] + 0.5
        assert abs(float(np.corrcoef(noise[1:], noise[:-1])[0, 1])) < 0.05


def test_low_pass_takes_the_top_and_leaves_the_rest():
    white = np.random.default_rng(0).normal(0, 0.1, 4 * RATE).astype(np.float32)
    before = np.abs(np.fft.rfft(white))
    hz = np.fft.rfftfreq(len(white), 1 / RATE)
    low, high = hz < CUTOFF_HZ[0] / 3, hz > CUTOFF_HZ[1] * 1.2
    for copy in COPIES:
        after = np.abs(np.fft.rfft(changed(white, low_pass=1.0, copy=copy)))
        assert after[low].mean() == pytest.approx(before[low].mean(), rel=0.05)
        assert after[high].mean() < 0.5 * before[high].mean()


def test_probability_is_the_share_of_copies_that_are_touched():
    touched = sum(
        not np.array_equal(changed(gain_db=6.0, probability=0.3, copy=copy), TONE)
        for copy in range(200)
    )
    assert 40 <= touched <= 80


ALL = {"speed": 0.1, "stretch": 0.1, "pitch": 2.0, "gain_db": 6.0, "noise": 1.0, "low_pass": 1.0}


def test_a_copy_depends_on_seed_track_and_number_alone():
    sound = changed(**ALL)
    random.seed(5)
    np.random.seed(5)
    assert np.array_equal(changed(**ALL), sound)
    for other in ({"seed": 2}, {"track": "gnawa/other.mp3"}, {"copy": 2}):
        again = changed(**ALL, **other)
        assert again.shape != sound.shape or not np.array_equal(again, sound)


def test_the_global_generator_goes_on_where_it_was():
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    changed(**ALL)
    assert np.random.random() == expected


def test_threads_that_draw_too_change_nothing():
    expected = [changed(**ALL, copy=copy) for copy in COPIES]
    over = threading.Event()

    def draw() -> None:
        while not over.is_set():
            random.random()

    noise = threading.Thread(target=draw)
    noise.start()
    found: dict[int, np.ndarray] = {}
    workers = [
        threading.Thread(target=lambda copy=copy: found.update({copy: changed(**ALL, copy=copy)}))
        for copy in COPIES
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    over.set()
    noise.join()
    for copy, sound in zip(COPIES, expected, strict=True):
        assert np.array_equal(found[copy], sound)


@pytest.mark.parametrize("n_samples", [1, 10, 1000])
def test_very_short_and_silent_sounds_survive(n_samples):
    for sound in (np.zeros(n_samples, np.float32), np.full(n_samples, 0.1, np.float32)):
        for copy in COPIES:
            result = changed(sound, **ALL, copy=copy)
            assert result.dtype == np.float32
            assert result.ndim == 1
            assert len(result) > 0
            assert np.isfinite(result).all()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("probability = 1.5", "probability: 1.5 must be from 0 to 1"),
        ("pitch = 40", "pitch: 40.0 must be from 0 to 12"),
        ("speed = -0.1", "speed"),
        ("noise = nan", "noise: nan must be"),
        ('stretch = "much"', "stretch must be a number"),
        ("reverb = 1", "no key reverb"),
    ],
)
def test_wrong_options_in_an_experiment_are_named(tmp_path, line, words):
    path = tmp_path / "wrong.toml"
    path.write_text(f'title = "Wrong"\n[audio_augmentation]\n{line}\n')
    with pytest.raises(TrainingError, match=words) as error:
        load_experiment(path)
    assert "audio_augmentation" in str(error.value)


def test_an_experiment_says_how_copies_differ(tmp_path):
    path = tmp_path / "copies.toml"
    path.write_text('title = "Copies"\n[audio_augmentation]\npitch = 3\nnoise = 0\n')
    options = load_experiment(path).audio_augmentation
    assert (options.pitch, options.noise, options.speed) == (3.0, 0.0, AudioAugmentation().speed)
