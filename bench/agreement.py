"""How often sound that Chromium decoded and sound that librosa decoded get the same genre."""

from __future__ import annotations

from typing import Any

from tests.browser.agreement import compare
from tests.browser.visit import Visit

from .setting import ROOT, chromium, row, running_site


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    songs = sorted((ROOT.parent / "shared" / "data" / "audio").glob("*.ogg"))
    if not songs:
        return [row("no songs beside the repository", 0, "songs")]
    with chromium() as browser, running_site() as site:
        visit = Visit(browser.new_context().new_page(), site.url).opened()
        count, differences = compare(visit, songs, "v1")
    rows = [
        row("songs", len(songs), ""),
        row("segments", count, ""),
        row("segments with the same winner", 100 * (1 - len(differences) / count), "%", 1),
    ]
    return rows + [row(f"differs: {difference}", "", "") for difference in differences]
