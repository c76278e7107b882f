"""Neither words that are typed nor names of songs and folders leave the browser with own genres."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .lessons import bands, drones, file_under, genres, learned, teach_folder
from .site import Recorder, Site
from .test_accessibility import broken_rules
from .visit import Visit

WORDS = ("Geheimgattung", "Chaabi", "Umbenannt", "Kuenstlerin", "my secret", "band 0", "drone 1")


@pytest.fixture
def recorder(learning_site: Site) -> Iterator[Recorder]:
    relay = Recorder(learning_site.port)
    yield relay
    relay.close()


def unpacked(body: bytes) -> bytes:
    """Return a body as it was before it was compressed."""
    if body[:2] == b"\x1f\x8b":
        return gzip.decompress(body)
    return body if body[:1] == b"{" else zlib.decompress(body)


def test_only_features_leave_while_genres_are_taught(
    visit: Callable[..., Visit], recorder: Recorder, tmp_path: Path
):
    music = tmp_path / "my secret music"
    bands(music / "Geheimgattung" / "Kuenstlerin", 3)
    drones(music / "Chaabi", 3)
    visitor = visit(recorder.url).opened()
    page = visitor.page
    teach_folder(visitor, music)
    visitor.finish(drones(tmp_path, 1, first=5))
    learned(visitor)
    file_under(visitor, "drone 5.wav", "Umbenannt")
    learned(visitor)
    page.check("[name=own-mode][value=beside]")
    learned(visitor)
    with page.expect_download():
        page.click("#own-save")
    page.locator("#map > summary").click()
    page.wait_for_selector("#map[data-points='7']")
    assert genres(visitor) == {"Geheimgattung": 3, "Chaabi": 3, "Umbenannt": 1}
    assert broken_rules(visitor) == []

    asked = [(line, body) for line, body in recorder.requests() if " /api/" in line]
    posts = [body for line, body in asked if line.startswith("POST")]
    assert len(posts) == 7
    assert {line.split()[1] for line, _ in asked} == {
        "/api/v1/models/v10/predictions?embedding=1",
        "/api/v1/models/v10/embedding",
    }
    assert len([line for line, _ in asked if line.startswith("GET")]) == 1
    sent = [unpacked(body) for body in posts]
    for body in sent:
        content = json.loads(body)
        assert content.keys() == {"feature_spec", "segments"}
        assert all(part.keys() == {"start", "end", "features"} for part in content["segments"])
    everything = (recorder.sent + b"".join(sent)).lower()
    for word in WORDS:
        assert word.lower().encode() not in everything, word
        assert word.lower().replace(" ", "%20").encode() not in everything, word
