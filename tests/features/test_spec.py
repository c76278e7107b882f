"""FeatureSpec: JSON both ways, a stable id, and clear refusals."""

import json
from typing import Any

import pytest

from features import FeatureSpec


def test_json_both_ways():
    spec = FeatureSpec(n_mfcc=40, decimals=2)
    again = FeatureSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.id == spec.id


def test_id_is_stable_across_releases():
    # Landed models carry this id: a change of it makes every one of them unservable.
    assert FeatureSpec().id == "mfcc-64x64-db1713fee3"


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
