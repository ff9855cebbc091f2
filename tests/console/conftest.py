"""A seeded gateway and a browser that looks at it, for tests of what people see."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import tools.build_console as builder
from playwright.sync_api import Browser
from tests.console.browser import chromium, executable
from tests.console.seed import House, house
from tests.console.visitor import Console

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give what starts a browser and fills a month's books the time for that."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session")
def built() -> None:
    """Have the console built; skip where that cannot be."""
    if (why := builder.ensure()) is not None:
        assert builder.missing() is not None, why
        pytest.skip(f"the console is not built: {why}")


@pytest.fixture(scope="package")
def browser(built: None) -> Iterator[Browser]:
    """Start a Chromium for this package's tests: one that outlived them would hold the loop that others need."""
    if executable() is None:
        pytest.skip("there is no Chromium, and it cannot be installed here")
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def house_of_all(built: None) -> Iterator[House]:
    """Serve a gateway after a month of use."""
    with house() as made:
        yield made


@pytest.fixture
def seeded(house_of_all: House) -> House:
    """Ask it, open to this machine; whoever changes it for good takes a `house` alone."""
    house_of_all.gateway.hang_up()  # the test before this one may be long ago
    return house_of_all


@pytest.fixture(scope="session")
def locked_house(built: None) -> Iterator[House]:
    """Serve one behind an admin key, with fewer requests in its books."""
    with house(locked=True, requests=300) as made:
        yield made


@pytest.fixture
def locked(locked_house: House) -> House:
    """Ask it."""
    locked_house.gateway.hang_up()
    return locked_house


@pytest.fixture
def console(browser: Browser, seeded: House) -> Iterator[Console]:
    """Visit the console of the seeded gateway on a desktop."""
    with Console.visiting(browser, seeded.url) as visitor:
        yield visitor


@pytest.fixture
def phone(browser: Browser, seeded: House) -> Iterator[Console]:
    """Visit it on a phone, in the dark."""
    with Console.visiting(browser, seeded.url, phone=True) as visitor:
        yield visitor


def pytest_report_header() -> str:
    """Say what the console's tests run with."""
    return f"console: chromium {executable() or 'absent'}, node {shutil.which('node') or 'absent'}"
