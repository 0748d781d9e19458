"""What tests of the gallery and of the explorer do in their pages, and read from them."""

from __future__ import annotations

import json
import re

import numpy as np

from culture_sim.report.shared import blobs as page_data
from tests.helpers.browser import one


def visit(driver, page, hash_=""):
    driver.get("about:blank")
    driver.get(page.as_uri() + hash_)


def counted(driver, part):
    """What a list says of itself."""
    return one(driver, f"#{part}-count").text


def option_of(driver, part, name, text):
    """The option of a control that begins with a text."""
    select = one(driver, f"#{part}-filters [name={name}]")
    code = "return [...arguments[0].options].find(o => o.text.startsWith(arguments[1]))"
    return driver.execute_script(code, select, text)


def promised(driver, part, name, text):
    """How many entries an option says that it would leave."""
    option = option_of(driver, part, name, text)
    return int(re.search(r"\(([\d,]+)\)$", option.text)[1].replace(",", ""))


def pick(driver, part, name, text):
    """Choose the option of a filter that begins with a text; returns the number it promised."""
    number = promised(driver, part, name, text)
    option_of(driver, part, name, text).click()
    return number


def clear(driver, part):
    one(driver, f"#{part}-filters [name=clear]").click()


def embedded(text, id_):
    """The tree in a script element of a page, None where there is none."""
    found = re.search(rf'<script type="application/json" id="{id_}">(.*?)</script>', text)
    return json.loads(found[1]) if found else None


def gallery_data(text):
    """What the gallery's script reads, None where there is no script."""
    data = embedded(text, "gallery-data")
    return data and {**data, "drawing": embedded(text, "drawing")}


def tokens_of(text):
    """int64 [T] of a quiz, or a part of one, as the page has it."""
    return np.array([ord(each) - page_data.BASE for each in text])
