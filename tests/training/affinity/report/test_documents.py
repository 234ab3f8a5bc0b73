"""The report as documents: well-formed, self-contained, every picture beside its table, and nothing in a name is markup."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pandas as pd
import pytest

from training.affinity.history import encode
from training.affinity.report import report
from training.affinity.report.bars import svg
from training.affinity.report.parts import Bars, cells
from training.affinity.report.text import plain

HOSTILE = '<script src="http://evil.example/x.js">alert(1)</script> | `x` [y](http://evil.example) & \x07 "\u202e'
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="session")
def documents(tried, known):
    return report(tried, encode(known), known.products)


@pytest.fixture(scope="session")
def hostile(tried, known):
    return report(tried, encode(known), known.products.assign(name=HOSTILE))


def tree(html):
    return ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))


class Seen(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_both_documents_are_made_and_are_the_same_at_every_run(documents, tried, known):
    assert set(documents) == {"affinity_report.html", "affinity_report.md"}
    assert report(tried, encode(known), known.products) == documents


def test_the_page_needs_nothing_else(documents, hostile):
    for html in (documents["affinity_report.html"], hostile["affinity_report.html"]):
        seen = Seen()
        seen.feed(html)
        assert not seen.tags & {"script", "link", "img", "iframe", "object", "base", "form", "a"}
        assert not {name for name in seen.attributes if name.startswith("on") or name in ("src", "href", "srcset", "action")}
        assert "url(" not in html
        assert "@import" not in html
    assert "http" not in documents["affinity_report.html"].replace("http://www.w3.org/2000/svg", "")


def test_every_picture_has_a_name_a_description_and_its_numbers_in_a_table(documents):
    page = tree(documents["affinity_report.html"])
    sections = [one for one in page.iter("section") if one.find("figure") is not None]
    assert len(sections) >= 10
    identities = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(identities) == len(set(identities))
    for section in sections:
        picture = section.find(f"figure/{SVG}svg")
        for identity in picture.get("aria-labelledby").split():
            (named,) = [element for element in picture.iter() if element.get("id") == identity]
            assert named.text
        texts = {"".join(cell.itertext()) for cell in section.iter("td")} | {"".join(cell.itertext()) for cell in section.iter("th")}
        assert {text.text for text in picture.iter(f"{SVG}text")} <= texts


def test_hostile_names_stay_text(hostile):
    page = tree(hostile["affinity_report.html"])
    told = ["".join(cell.itertext()) for cell in page.iter("td")]
    assert any(text.startswith('<script src="http://evil.example/x.js">') for text in told)
    assert "<script" not in hostile["affinity_report.html"]
    assert "\x07" not in hostile["affinity_report.html"]
    assert "\u202e" not in hostile["affinity_report.html"]
    markdown = hostile["affinity_report.md"]
    assert "<script" not in re.sub(r"\\.", "", markdown)
    assert "http:" not in markdown
    rows = [line for line in markdown.splitlines() if "alert" in line and line.startswith("|")]
    assert rows
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} <= {4, 5}


def test_markdown_holds_the_tables_of_the_page(documents):
    page, markdown = tree(documents["affinity_report.html"]), documents["affinity_report.md"]
    tables = [t for t in page.iter("table") if "".join(t.find("caption").itertext()) == "What each source finds"]
    assert len(tables) == 2
    for table in tables:
        for row in table.find("tbody"):
            assert f"| {' | '.join(plain(''.join(cell.itertext())) for cell in row)} |" in markdown


def test_customers_and_products_of_the_examples_are_told_by_name(documents):
    text = "".join(tree(documents["affinity_report.html"]).itertext())
    assert re.search(r"Customer c\d{3}, \d+ baskets? before\.", text)
    assert "Thing 0" in text
    assert "✓" in text


def test_bars_are_as_long_as_their_numbers():
    table = pd.DataFrame({"who": ["a & b", "c"], "x, %": [10.0, 40.0], "y, %": [float("nan"), 20.0]})
    picture = ElementTree.fromstring(svg(table, Bars("X < Y", "who", ("x, %", "y, %")), "t"))
    bars = [float(one.get("width")) for one in picture.iter(f"{SVG}rect")][2:]  # after the key's two
    assert bars[1] / bars[0] == pytest.approx(4.0, abs=0.01)
    assert bars[1] / bars[2] == pytest.approx(2.0, abs=0.01)
    assert len(bars) == 3
    assert [one.text for one in picture.iter(f"{SVG}text")] == ["x, %", "y, %", "a & b", "10.0", "c", "40.0", "20.0"]
    assert picture.find(f"{SVG}title").text == "X < Y"
    assert "a & b: 10.0, –; c: 40.0, 20.0." in picture.find(f"{SVG}desc").text


def test_a_picture_of_zeros_can_be_drawn():
    table = pd.DataFrame({"who": ["a"], "x": [0.0], "error": [0.0]})
    picture = ElementTree.fromstring(svg(table, Bars("none", "who", ("x",), "error"), "t"))
    assert [float(one.get("width")) for one in picture.iter(f"{SVG}rect")] == [0.0]


def test_cells_are_written_by_their_kind():
    table = pd.DataFrame({"n": [1234], "share, %": [12.345], "x": [0.12345], "long": [1234.56], "gone": [float("nan")], "s": ["a|b"]})
    assert cells(table) == [["1,234", "12.3", "0.123", "1,234.6", "–", "a|b"]]
