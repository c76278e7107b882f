"""The pages that tests are given, fresh or warm.

Loading Python costs a page some seconds of both cores. Most tests can do with a warm page: one that
an earlier test has left, with its list emptied and its look set anew. The others get a fresh page.
Both are tabs of one browser profile on the disk, because Chromium keeps compiled WebAssembly only
there: a page that is loaded anew needs half of the time. What a test stores is removed after it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page

from .visit import Visit

# This computer, under a name by which a page does not know it.
ELSEWHERE = "songs.test"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    # A microphone that beeps once a second.
    "--use-fake-device-for-media-stream",
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
)  # fmt: skip

# As in a browser that has none. Requests that a service worker makes cannot be held or spoiled by a
# test, so only those of it have one.
NO_SERVICE_WORKER = "delete Navigator.prototype.serviceWorker"

# The look of a page that can change while it is open. All else belongs to the browser profile.
PLAIN: dict[str, Any] = {
    "viewport": {"width": 1280, "height": 720},
    "color_scheme": "light",
    "reduced_motion": "no-preference",
    "permissions": [],
}
STORED = "cookies,local_storage,indexeddb,service_workers,cache_storage"
# Each holds a quarter of a gigabyte.
MOST_WARM = 4

# Address of the page, whether it has a clock, and what of its look belongs to the profile.
Key = tuple[str, bool, tuple[tuple[str, Any], ...]]


class Pages:
    """Hands out pages of one Chromium, whose profile on the disk is `profile`."""

    def __init__(self, profile: BrowserContext):
        assert profile.browser
        self.browser = profile.browser
        self._profile = profile
        (self._blank,) = profile.pages
        self._devtools = profile.new_cdp_session(self._blank)
        # The one that was used last comes last.
        self._warm: dict[Key, Visit] = {}
        # Of the test that runs.
        self._used: list[Visit] = []
        self._fresh: list[Visit] = []

    def fresh(
        self, url: str, *, service_worker: bool = False, own_profile: bool = False, **look: Any
    ) -> Visit:
        """A page, not opened yet, where nothing is stored.

        Parameters
        ----------
        url : address that `Visit.opened` opens.
        service_worker : whether the browser has such. A page that is warm at the same site would
            get it, too.
        own_profile : a profile in memory for this page alone, as for one whose clock is installed:
            a clock is that of the whole profile. So it is in any case if `look` has options of
            `Browser.new_context` that no open page can change.
        """
        fixed = look.keys() - PLAIN.keys()
        context = self.browser.new_context(**look) if own_profile or fixed else self._profile
        script = "" if service_worker else NO_SERVICE_WORKER
        if context is not self._profile:
            # Pages that the page opens get it as well.
            context.add_init_script(script)
        visit = Visit(context.new_page(), url, script)
        self._fresh.append(visit)
        if context is self._profile:
            _put_on(visit.page, look)
        return visit

    def warm(self, url: str, *, clock: bool = False, **look: Any) -> Visit:
        """A page whose analysis is loaded, with an empty list and nothing stored.

        Parameters
        ----------
        url : address of the page.
        clock : whether `Page.clock` is installed.
        look : options of `Browser.new_context`.
        """
        fixed = {name: value for name, value in look.items() if name not in PLAIN}
        key = (url, clock, tuple(sorted(fixed.items())))
        visit = self._warm.pop(key, None)
        if visit is None or visit.page.is_closed():
            self._make_room()
            # A clock is that of all pages of a context.
            own = clock or fixed
            context = self.browser.new_context(**fixed) if own else self._profile
            visit = Visit(context.new_page(), url, NO_SERVICE_WORKER)
            if clock:
                visit.page.clock.install()
        self._warm[key] = visit
        # Media of a tab in the background are not loaded.
        visit.page.bring_to_front()
        _put_on(visit.page, look)
        if visit not in self._used:
            self._used.append(visit)
            visit.start_over()
        return visit

    def let_go(self, *, spoiled: bool) -> None:
        """End a test: close its fresh pages, and check the console of all that it had.

        When it has failed, nobody knows what it has `spoiled`: its warm pages are closed, too.
        """
        used, fresh = self._used, self._fresh
        self._used, self._fresh = [], []
        if spoiled:
            self._warm = {key: visit for key, visit in self._warm.items() if visit not in used}
        kept = [self._blank, *(visit.page for visit in self._warm.values())]
        for visit in (*fresh, *used):
            for page in visit.page.context.pages:
                if page not in kept:
                    page.close()
            if visit.page.context is not self._profile and visit.page not in kept:
                visit.page.context.close()
            else:
                visit.page.context.unroute_all()
                visit.page.context.clear_permissions()
        for url in {visit.url for visit in (*fresh, *used)}:
            parts = urlsplit(url)
            origin = f"{parts.scheme}://{parts.netloc}"
            stored = {"origin": origin, "storageTypes": STORED}
            self._devtools.send("Storage.clearDataForOrigin", stored)
        if not spoiled:
            for visit in (*fresh, *used):
                visit.check_console()

    def _make_room(self) -> None:
        idle = [key for key, visit in self._warm.items() if visit not in self._used]
        if len(self._warm) >= MOST_WARM and idle:
            page = self._warm.pop(idle[0]).page
            page.close()
            if page.context is not self._profile:
                page.context.close()


def _put_on(page: Page, look: dict[str, Any]) -> None:
    """Give an open page a look, and take all else back that an earlier one has had."""
    whole = {**PLAIN, **{name: value for name, value in look.items() if name in PLAIN}}
    page.set_viewport_size(whole["viewport"])
    page.emulate_media(
        media="null", color_scheme=whole["color_scheme"], reduced_motion=whole["reduced_motion"]
    )
    if whole["permissions"]:
        page.context.grant_permissions(whole["permissions"])
