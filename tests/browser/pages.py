"""The pages of the tests, fresh or warm.

Loading Python costs a page some seconds of both cores. Most tests can use a warm page: a page of an
earlier test, with an empty list and the look that the test asks for. The other tests get a fresh
page, not loaded yet. Both kinds are tabs of one browser profile on the disk, because Chromium keeps
compiled WebAssembly only there, which halves the time to load a page again. All that a test has
stored is removed after it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page

from .visit import Visit

# A host name of this computer that the page takes for another computer.
ELSEWHERE = "songs.test"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    # A fake microphone, which beeps once a second.
    "--use-fake-device-for-media-stream",
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
)  # fmt: skip

# Makes the browser look like one without service workers. A test cannot hold or change the requests
# of a service worker, so only the tests of the service worker have one.
NO_SERVICE_WORKER = "delete Navigator.prototype.serviceWorker"

# Default values of the options that can change while a page is open. All other options of
# `Browser.new_context` belong to the browser profile.
PLAIN: dict[str, Any] = {
    "viewport": {"width": 1280, "height": 720},
    "color_scheme": "light",
    "reduced_motion": "no-preference",
    "permissions": [],
}
STORED = "cookies,local_storage,indexeddb,service_workers,cache_storage"
# Each warm page holds a quarter of a gigabyte.
MOST_WARM = 4

# Address of the page, whether it has a clock, and the options that belong to its profile.
Key = tuple[str, bool, tuple[tuple[str, Any], ...]]


class Pages:
    """Hands out pages of one Chromium, whose profile on the disk is `profile`."""

    def __init__(self, profile: BrowserContext):
        assert profile.browser
        self.browser = profile.browser
        self._profile = profile
        (self._blank,) = profile.pages
        self._devtools = profile.new_cdp_session(self._blank)
        # The page that was used last comes last.
        self._warm: dict[Key, Visit] = {}
        # Warm and fresh pages of the test that runs.
        self._used: list[Visit] = []
        self._fresh: list[Visit] = []

    def fresh(
        self, url: str, *, service_worker: bool = False, own_profile: bool = False, **look: Any
    ) -> Visit:
        """Return a page that is not opened yet, with nothing stored.

        Parameters
        ----------
        url : address that `Visit.opened` opens.
        service_worker : whether the page has service workers. A warm page of the same site would
            get this one's service worker, too, unless `own_profile` is set.
        own_profile : give this page alone a profile in memory. A page with a clock needs it,
            because a clock changes all pages of a profile. Options in `look` that no open page can
            change have the same effect.
        look : options of `Browser.new_context`.
        """
        fixed = look.keys() - PLAIN.keys()
        context = self.browser.new_context(**look) if own_profile or fixed else self._profile
        script = "" if service_worker else NO_SERVICE_WORKER
        if context is not self._profile:
            # Set on the context, so that pages which this page opens get the script, too.
            context.add_init_script(script)
        visit = Visit(context.new_page(), url, script)
        self._fresh.append(visit)
        if context is self._profile:
            _put_on(visit.page, look)
        return visit

    def warm(self, url: str, *, clock: bool = False, **look: Any) -> Visit:
        """Return a page with a loaded analysis, an empty list and nothing stored.

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
            # A clock changes all pages of a context.
            own = clock or fixed
            context = self.browser.new_context(**fixed) if own else self._profile
            visit = Visit(context.new_page(), url, NO_SERVICE_WORKER)
            if clock:
                visit.page.clock.install()
        self._warm[key] = visit
        # Chromium does not load media of a tab in the background.
        visit.page.bring_to_front()
        _put_on(visit.page, look)
        if visit not in self._used:
            self._used.append(visit)
            visit.start_over()
        return visit

    def end_test(self, *, failed: bool) -> None:
        """Close the fresh pages of the test that ends, and check the consoles of all its pages.

        If the test has `failed`, its warm pages may be in any state: close them, too, and leave out
        the check.
        """
        used, fresh = self._used, self._fresh
        self._used, self._fresh = [], []
        if failed:
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
        if not failed:
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
    """Give an open page a look; reset the options of an earlier look to their defaults."""
    whole = {**PLAIN, **{name: value for name, value in look.items() if name in PLAIN}}
    page.set_viewport_size(whole["viewport"])
    page.emulate_media(
        media="null", color_scheme=whole["color_scheme"], reduced_motion=whole["reduced_motion"]
    )
    if whole["permissions"]:
        page.context.grant_permissions(whole["permissions"])
