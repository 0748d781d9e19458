"""Chromium without a window, and what every page of a report must do in it."""

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
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
    assert [e for e in driver.get_log("browser") if e["level"] == "SEVERE"] == []
