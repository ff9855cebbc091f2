"""One visit of the console: opens pages, notices what the browser complains about, asks axe what shuts people out."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

AXE: Final = Path(__file__).resolve().parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
ENTRIES: Final = Path(__file__).resolve().parents[2] / "console" / "src" / "app" / "pages.ts"
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


_ENTRY: Final = re.compile(r'path: "(/[^"$]*)",\s+label: "([^"]+)",.*?needs: \[([^\]]*)\]', re.DOTALL)


class Entry(NamedTuple):
    """A page as the console lists it; one of the scopes in `needs` is enough to see it."""

    path: str
    label: str
    needs: frozenset[str]


def entries() -> list[Entry]:
    """Return every page."""
    found = _ENTRY.findall(ENTRIES.read_text(encoding="utf-8"))
    return [Entry(path, label, frozenset(re.findall(r"\w+", needs))) for path, label, needs in found]


def paths() -> list[str]:
    """Return the path of every page."""
    return [entry.path for entry in entries()]


_contexts: Final[WeakKeyDictionary[Browser, dict[bool, BrowserContext]]] = WeakKeyDictionary()


def _context(browser: Browser, *, phone: bool) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
        color_scheme="dark" if phone else "light",
        has_touch=phone,
        reduced_motion="reduce",
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return context


class Console:
    """The console in one browser window. What it reports as an error fails the test, unless it is `excused`."""

    def __init__(self, page: Page, url: str) -> None:
        """Look at `page`, which is empty so far."""
        self.page = page
        self.url = url
        self.errors: list[str] = []
        self.excused: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(10_000)

    @classmethod
    @contextmanager
    def visiting(cls, browser: Browser, url: str, *, phone: bool = False, first: bool = False) -> Iterator[Self]:
        """Open a window in which nobody is signed in and nothing was chosen.

        It has the console's files from the visit before, as a browser has, unless it is the `first` one.
        """
        kept = _contexts.setdefault(browser, {})
        context = None if first else kept.get(phone)
        if context is None:
            context = _context(browser, phone=phone)
            if not first:
                kept[phone] = context
        visitor = cls(context.new_page(), url)
        try:
            yield visitor
            visitor.check_errors()
        finally:
            if first:
                context.close()
            else:
                visitor.leave()

    def leave(self) -> None:
        """Close the window, and take away what it left in the browser."""
        self.page.unroute_all(behavior="ignoreErrors")
        session = self.page.context.new_cdp_session(self.page)
        session.send("Storage.clearDataForOrigin", {"origin": self.url, "storageTypes": "local_storage,cookies"})
        self.page.context.clear_cookies()
        for page in self.page.context.pages:
            page.close()

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.errors.append(said.text)

    def open(self, path: str) -> None:
        """Go to a page by its address and wait until it is there."""
        self.page.goto(f"{self.url}/console{path}")
        self.heading.wait_for()

    def go(self, path: str) -> None:
        """Go to a page without loading everything anew, as a link does."""
        script = "path => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate')) }"
        self.page.evaluate(script, f"/console{path}")

    @property
    def heading(self) -> Any:
        """The heading of the page."""
        return self.page.locator("main h1").first

    def settle(self) -> None:
        """Wait until nothing is being loaded any more."""
        expect(self.page.get_by_role("status", name="Loading")).to_have_count(0)

    def check_errors(self) -> None:
        """Fail for what the browser complained about."""
        bad = [one for one in self.errors if not any(part in one for part in self.excused)]
        assert not bad, bad

    def check_axe(self) -> None:
        """Fail for anything that axe finds."""
        self.settle()
        # The policy lets no script in that is not the page's own; what is evaluated from outside is not the page's.
        self.page.evaluate(AXE.read_text(encoding="utf-8") + "\n;0")
        found = self.page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", _RULES)
        told = [
            {"rule": one["id"], "help": one["help"], "where": [node["target"] for node in one["nodes"]][:4]}
            for one in found["violations"]
        ]
        assert not told, json.dumps(told, indent=1)

    def check_width(self) -> None:
        """Fail where the page scrolls sideways."""
        over = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{self.page.url} is {over} px too wide"
