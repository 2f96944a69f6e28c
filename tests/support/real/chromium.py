"""A real Chromium, driven as a person would: what is typed, what is clicked, what is seen.

Why: what a page allows a script, how wide it is and where a key leads is known only to a browser.
Must not: reach anything but loopback, or keep a profile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from tests.support.real.debian import ensure_packages
from tests.support.real.require import Unavailable

__all__ = ["chromium", "ensure_chromium"]

_PACKAGES = {
    "chromium": "/usr/bin/chromium",
    "chromium-driver": "/usr/bin/chromedriver",
    "fonts-dejavu-core": "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
}
_WORDS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --disable-dev-shm-usage"
).split()


def ensure_chromium() -> None:
    """Install Debian's Chromium and its driver where they are missing. Raises Unavailable."""
    ensure_packages(_PACKAGES)


@contextmanager
def chromium(*, width: int = 1200, scripts: bool = True) -> Iterator[Any]:
    """Open a browser of that width while inside; yields its driver.

    `scripts` False: as one that runs none.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = _PACKAGES["chromium"]
    for word in _WORDS:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        driver = webdriver.Chrome(options=options, service=Service(_PACKAGES["chromium-driver"]))
    except WebDriverException as error:
        raise Unavailable(f"Chromium does not start: {error.msg}") from None
    try:
        shown = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shown)
        if not scripts:
            driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        yield driver
    finally:
        driver.quit()
