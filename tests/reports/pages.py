"""Plain functions that read the page of figures: its tables, its charts, and where its numbers lead."""

import html
import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from django.test import Client
from django.urls import reverse

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Shown:
    """A table as it is read: its columns, and its rows by their heads."""

    columns: list[str]
    rows: dict[str, list[str]]


def figures(client: Client, **query: str) -> Any:
    return client.get(reverse("reports:figures"), query)


def text_of(node: ET.Element) -> str:
    return " ".join("".join(node.itertext()).split())


def tables(response: Any) -> dict[str, Shown]:
    """Return the tables of a page by their captions."""
    found = {}
    for text in re.findall(r"<table>.*?</table>", response.content.decode(), re.DOTALL):
        table = ET.fromstring(text)
        caption = table.find("caption")
        assert caption is not None
        heads = [text_of(cell) for cell in table.iter("th") if cell.get("scope") == "col"]
        rows = {
            text_of(row[0]): [text_of(cell) for cell in row[1:]]
            for row in table.findall("tbody/tr")
            if len(row)
        }
        found[text_of(caption)] = Shown(heads, rows)
    return found


def charts(response: Any) -> dict[str, ET.Element]:
    """Return the drawings of a page by their names; one that is not well-formed raises."""
    texts = re.findall(r'<svg class="chart".*?</svg>', response.content.decode(), re.DOTALL)
    pictures = [ET.fromstring(text) for text in texts]
    return {picture.findtext(f"{SVG}title") or "": picture for picture in pictures}


def told(chart: ET.Element, css: str = "") -> dict[str, str]:
    """Return what a pointer is told over the boxes of a class, as "label: number" pairs."""
    titles = [
        box.findtext(f"{SVG}title") or ""
        for box in chart.iter(f"{SVG}rect")
        if (box.get("class") or "").startswith(css)
    ]
    return dict(title.rsplit(": ", 1) for title in titles if title)  # type: ignore[misc]


def links(response: Any) -> list[tuple[str, str]]:
    """Return the addresses of the admin's lists that numbers lead to, with the number's words."""
    found = re.findall(
        r'<a href="(/admin/\w+/\w+/\?[^"]+)">\s*([^<]+?)\s*</a>', response.content.decode(), re.DOTALL
    )
    return [(html.unescape(address), html.unescape(words)) for address, words in found]
