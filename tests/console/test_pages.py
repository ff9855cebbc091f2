"""Every page: it is there, nothing in it fails, nobody is shut out, on a desktop and on a phone."""

import pytest
from playwright.sync_api import expect
from tests.console.visitor import Console, paths


@pytest.mark.parametrize("path", paths())
def test_a_page_is_there_and_axe_finds_nothing(console: Console, path: str) -> None:
    console.open(path)
    console.check_axe()


@pytest.mark.parametrize("path", paths())
def test_a_page_fits_a_phone_and_axe_finds_nothing_in_the_dark(phone: Console, path: str) -> None:
    phone.open(path)
    phone.check_axe()
    phone.check_width()


def test_every_page_is_a_line_of_the_navigation(console: Console) -> None:
    console.open("/")
    links = console.page.get_by_role("navigation", name="Pages").get_by_role("link")
    expect(links).to_have_count(len(paths()))
    for link, path in zip(links.all(), paths(), strict=True):
        assert (link.get_attribute("href") or "").rstrip("/") == f"/console{path}".rstrip("/")


def test_an_address_that_leads_nowhere_says_so_and_where_to_go(console: Console) -> None:
    console.page.goto(f"{console.url}/console/nowhere")
    expect(console.page.get_by_text("There is no such page")).to_be_visible()
    console.page.get_by_role("link", name="Go to the overview").click()
    expect(console.heading).to_have_text("Overview")


def test_a_phone_finds_the_pages_behind_a_button(phone: Console) -> None:
    phone.open("/")
    phone.page.get_by_role("button", name="Pages").click()
    sheet = phone.page.get_by_role("dialog", name="Pages")
    phone.check_axe()
    sheet.get_by_role("link", name="Models").click()
    expect(phone.heading).to_have_text("Models")
    expect(sheet).to_have_count(0)
