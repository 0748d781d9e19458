"""Chromium without a window, what is done in it, and what every page of a report must do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
Found = TypeVar("Found")

PHONE, DESK = (375, 800), (1280, 900)
"""Windows, width and height."""
SECTIONS = ("learning", "culture", "features", "reading", "run")


def open_browser(profile: Path) -> webdriver.Chrome:
    """A browser 1280 pixels wide that looks for nothing on the network."""
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    options = Options()
    options.binary_location = str(CHROMIUM)
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.set_window_size(1280, 900)
    return driver


def check_page(driver: webdriver.Chrome, page: Path) -> None:
    """Every section is there, nothing is wider than its place, and nothing failed."""
    driver.get(page.as_uri())
    for section in SECTIONS:
        assert driver.find_element("id", section).is_displayed()
    width = driver.execute_script("return document.documentElement.scrollWidth")
    assert width <= 1280
    cut = "return [...document.querySelectorAll('.box')].filter(b => b.scrollWidth > b.clientWidth)"
    assert driver.execute_script(cut) == []
    assert severe(driver) == []


def one(driver: webdriver.Chrome, selector: str) -> WebElement:
    return driver.find_element("css selector", selector)


def every(driver: webdriver.Chrome, selector: str) -> list[WebElement]:
    return driver.find_elements("css selector", selector)


def values(driver: webdriver.Chrome, selector: str, value: str) -> list[Any]:
    """A property of every element that fits, such as "dataset.entry", in a single call."""
    code = f"return [...document.querySelectorAll(arguments[0])].map(e => e.{value})"
    return driver.execute_script(code, selector)


def press(driver: webdriver.Chrome, *keys: str) -> None:
    ActionChains(driver).send_keys(*keys).perform()


def until(driver: webdriver.Chrome, condition: Callable[[], Found]) -> Found:
    """What the condition gives once it gives something: pages go on by themselves."""
    return WebDriverWait(driver, 10, 0.02).until(lambda _: condition())


def leave_detail(driver: webdriver.Chrome) -> None:
    """Close what is open of a list by its key.

    The browser tells the page of it later, and only then the list is drawn anew and has the focus;
    that nothing is open stands in the address at the same moment.
    """
    press(driver, Keys.ESCAPE)
    open_still = r"return /[?&](open|quiz)=/.test(location.hash)"
    until(driver, lambda: not driver.execute_script(open_still))


def severe(driver: webdriver.Chrome) -> list[dict[str, Any]]:
    """What failed in the page since this was asked last."""
    return [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


@contextmanager
def window(driver: webdriver.Chrome, width: int, height: int) -> Iterator[None]:
    """A window of another size, narrower than a real one can be."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        yield
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
