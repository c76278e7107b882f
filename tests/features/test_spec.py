"""FeatureSpec: JSON both ways, a stable id, and clear refusals."""

import json
from typing import Any

import pytest

from features import FeatureSpec
from features.spec import STATISTICS

TABLE: dict[str, Any] = {
    "kind": "statistics", "standardise": False, "statistics": ("rms", "mfcc", "tempo"),
}  # fmt: skip


def test_json_both_ways():
    spec = FeatureSpec(n_mfcc=40, decimals=2)
    again = FeatureSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.id == spec.id


def test_id_is_stable_across_releases():
    # Landed models carry this id: a change of it makes every one of them unservable.
    assert FeatureSpec().id == "mfcc-64x64-db1713fee3"
    assert FeatureSpec(kind="log_mel").id == "log_mel-116x64-dbfc14e1e5"
    assert FeatureSpec(**TABLE).id == "statistics-131-0725113319"


@pytest.mark.parametrize(
    ("changes", "shape", "begin"),
    [
        ({}, (64, 64), "mfcc-64x64-"),
        ({"n_mfcc": 25, "hop_length": 512, "n_frames": 215}, (215, 25), "mfcc-25x215-"),
        (
            {"kind": "log_mel", "n_mels": 128, "fmax": 11025.0, "hop_length": 512,
             "n_frames": 1288, "excerpt_s": 29.9},
            (1288, 128), "log_mel-128x1288-",
        ),
        ({"kind": "log_mel", "n_mels": 128, "n_frames": 387}, (387, 128), "log_mel-128x387-"),
        (TABLE, (2 + 2 * 64 + 1,), "statistics-131-"),
        (TABLE | {"statistics": tuple(STATISTICS), "n_mfcc": 20}, (77,), "statistics-77-"),
    ],
)  # fmt: skip
def test_shapes_and_readable_ids(changes, shape, begin):
    spec = FeatureSpec(**changes)
    assert spec.shape == shape
    assert spec.n_coefficients == shape[-1]
    assert spec.id.startswith(begin)


def test_a_spec_without_statistics_does_not_speak_of_them():
    assert "statistics" not in FeatureSpec().to_json()
    assert FeatureSpec(statistics=[]).id == FeatureSpec().id  # type: ignore[arg-type]


def test_statistics_both_ways():
    spec = FeatureSpec(**TABLE)
    data = json.loads(json.dumps(spec.to_json()))
    assert data["statistics"] == ["rms", "mfcc", "tempo"]
    again = FeatureSpec.from_json(data)
    assert again == spec
    assert hash(again) == hash(spec)
    assert again.id == spec.id


def test_order_and_choice_of_statistics_change_the_id():
    choices = [("rms", "mfcc", "tempo"), ("mfcc", "rms", "tempo"), ("rms", "mfcc")]
    assert len({FeatureSpec(**TABLE | {"statistics": names}).id for names in choices}) == 3


def test_an_excerpt_holds_a_segment_to_the_frame():
    # 1 + 30 s * 22050 // 512 centred frames
    assert FeatureSpec(hop_length=512, n_frames=1292).shape == (1292, 64)
    with pytest.raises(ValueError, match="excerpt_s"):
        FeatureSpec(hop_length=512, n_frames=1293)


def test_every_parameter_changes_the_id():
    base = FeatureSpec()
    changes: dict[str, Any] = {
        "n_fft": 1024, "hop_length": 512, "n_mels": 100, "fmin": 20.0, "fmax": 8000.0,
        "n_mfcc": 40, "top_db": 60.0, "standardise": False, "n_frames": 32, "excerpt_s": 20.0,
        "skip_s": 10.0, "skip_longer_than_s": 60.0, "decimals": 2, "sample_rate": 16050,
    }  # fmt: skip
    ids = {FeatureSpec(**{name: value}).id for name, value in changes.items()}
    assert len(ids | {base.id}) == len(changes) + 1


def test_whole_numbers_for_floats_keep_the_id():
    data = FeatureSpec().to_json() | {"fmin": 0, "top_db": 80, "excerpt_s": 30}
    assert FeatureSpec.from_json(data).id == FeatureSpec().id


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"kind": "waveform"}, "kind"),
        ({"n_fft": 0}, "n_fft"),
        ({"n_mfcc": 2.5}, "n_mfcc"),
        ({"hop_length": True}, "hop_length"),
        ({"n_mfcc": 200}, "n_mfcc"),
        ({"fmax": 12000.0}, "fmax"),
        ({"fmin": float("nan")}, "fmin"),
        ({"top_db": -1.0}, "top_db"),
        ({"excerpt_s": 2.0}, "excerpt_s"),
        ({"skip_s": 100.0}, "skip_s"),
        ({"standardise": 1}, "standardise"),
        ({"decimals": 99}, "decimals"),
        ({"algorithm": 99}, "algorithm"),
        ({"statistics": ("rms",)}, "statistics: the kind mfcc"),
        (TABLE | {"statistics": ()}, "statistics: name at least one"),
        (TABLE | {"statistics": ("rms", "rms")}, "statistics: .* each once"),
        (
            TABLE | {"statistics": ("rms", "loudness")},
            "statistics: 'loudness' is not one of chroma",
        ),
        (TABLE | {"statistics": "rms"}, "statistics: 'rms' must be a list"),
        (TABLE | {"statistics": 5}, "statistics: 5 must be a list"),
        (TABLE | {"statistics": [["rms"]]}, "statistics: .* must be a list of names"),
        (TABLE | {"standardise": True}, "standardise"),
    ],
)
def test_refuses_impossible_parameters(change, word):
    with pytest.raises(ValueError, match=word):
        FeatureSpec(**change)


def test_refuses_missing_unknown_and_contradicting_keys():
    data = FeatureSpec().to_json()
    with pytest.raises(ValueError, match="missing n_fft"):
        FeatureSpec.from_json({key: value for key, value in data.items() if key != "n_fft"})
    with pytest.raises(ValueError, match="unknown window"):
        FeatureSpec.from_json(data | {"window": "hann"})
    with pytest.raises(ValueError, match="id is"):
        FeatureSpec.from_json(data | {"id": "mfcc-64x64-0000000000"})
