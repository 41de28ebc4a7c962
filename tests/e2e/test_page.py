"""The status page in Chromium: what it shows, that nothing a space is called becomes markup, and what it says without a daemon."""

from __future__ import annotations

from typing import Callable, Iterator

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from .test_lease import identify

NAME = "Söhne & <img src=x onerror=document.title='broken'>"
WAIT_S = 60


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,700"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = "/usr/bin/chromium"
    one = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    yield one
    one.quit()


def cells(browser: webdriver.Chrome) -> dict[str, WebElement]:
    names = [head.text for head in browser.find_elements(By.CSS_SELECTOR, "thead th")]
    return dict(zip(names, browser.find_elements(By.CSS_SELECTOR, "#spaces tr:first-child td")))


def until(browser: webdriver.Chrome, what: Callable[[], bool]) -> None:
    # The page draws its rows anew every five seconds: a cell that was just found may be gone.
    WebDriverWait(browser, WAIT_S, ignored_exceptions=[StaleElementReferenceException]).until(lambda _: what())


def test_the_page_follows_the_daemon(setup, browser):
    config = setup.configure("page")
    space = config.folder / "spaces.d" / "shop.toml"
    space.write_text(space.read_text().replace('name = "Shop"', f'name = "{NAME}"') + '\n[profiles_sync.select]\ntables = ["identifies"]\n')
    daemon = setup.daemon(config)
    identify(config.intake, "ada", "free")
    assert daemon.command("sync", "shop", "--wait").returncode == 0
    rows = daemon.status()["spaces"][0]["sync"]["last"]["rows"]

    browser.get(config.admin + "/")
    until(browser, lambda: cells(browser).get("Rows") is not None and cells(browser)["Rows"].text == str(rows))
    shown = {name: cell.text for name, cell in cells(browser).items()}
    assert shown["Space"] == f"{NAME} (shop)"
    assert shown["State"] == "running"
    assert shown["Last run"].startswith("success, ")
    assert shown["Target"].endswith(".page")
    assert shown["Next run"] and shown["Waiting"] == "0 B"
    assert browser.title == "Lakeferry" and not browser.find_elements(By.TAG_NAME, "img")
    assert f"intake 127.0.0.1:{config.intake.rsplit(':', 1)[1]}" in browser.find_element(By.ID, "daemon").text
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.body.scrollWidth <= window.innerWidth")

    daemon.command("pause", "shop")
    until(browser, lambda: cells(browser)["State"].text.startswith("paused"))

    space.write_text("name = 1\n")
    daemon.command("reload", check=False)
    trouble = browser.find_element(By.ID, "trouble")
    until(browser, lambda: trouble.text.startswith("Last reload refused: "))

    daemon.stop()
    until(browser, lambda: trouble.text.startswith("The daemon does not answer: "))
    assert cells(browser)["Space"].text == f"{NAME} (shop)", "what was known last stays"
