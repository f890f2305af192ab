"""The report: a page that needs nothing else, text that fits, what each says of what is missing."""

import base64
import dataclasses
import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import numpy as np
import pytest

import dctheory
from dctheory._text import display_width
from dctheory.diagnose import Diagnosis, _theory_section, classes, html, sections

NAMES = ["<b>bold</b>", 'quo"te', "tail & more"]
_VOID = {"meta", "img", "br"}


class _Page(HTMLParser):
    """Checks that elements are closed in order, and keeps what there is."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def diagnosis():
    graph = dctheory.SimilarityGraph(
        classes=3, per_class=14, difficult=4, alpha=0.6, beta=0.1, gamma=0.2
    )
    values, vectors = np.linalg.eigh(graph.adjacency())
    rows = vectors * np.sqrt(values)
    labels = np.repeat(NAMES, 14)
    return Diagnosis().fit(rows, labels, difficult=np.tile(np.arange(14) < 4, 3))


@pytest.fixture(scope="module")
def page(diagnosis):
    return diagnosis.to_html()


def test_the_page_is_well_formed_and_needs_no_network(page):
    found = _Page(page)
    assert found.all("script", "link", "iframe", "object", "base", "form") == []
    for tag, attributes in found.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), tag
            if name in ("src", "href", "srcset", "action", "poster", "data"):
                assert value.startswith(("data:image/", "#"))
    style = "".join(re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL))
    assert "url(" not in style
    assert "@import" not in style
    assert {"lang": "en"} in found.all("html")
    assert any("width=device-width" in each.get("content", "") for each in found.all("meta"))
    identifiers = [each["id"] for _, each in found.elements if "id" in each]
    assert len(identifiers) == len(set(identifiers))
    for link in found.all("a"):
        assert link["href"].removeprefix("#") in identifiers


def test_every_picture_is_whole_and_described(page):
    pictures = _Page(page).all("img")
    assert len(pictures) == 7
    for each in pictures:
        assert len(each["alt"]) > 20
        kind, data = each["src"].removeprefix("data:").split(";base64,")
        assert kind == "image/svg+xml"
        root = ElementTree.fromstring(base64.b64decode(data))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert any("α 0.6" in each["alt"] for each in pictures)


def test_names_of_classes_are_escaped(page):
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page


def test_tables_scroll_by_themselves(page):
    assert page.count("<table>") == len(re.findall(r'<div class="scroll"><table>', page))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_summary_fits_the_terminal(diagnosis, width):
    for line in diagnosis.to_text(width).splitlines():
        assert display_width(line) <= width


def test_the_summary_says_the_numbers_and_what_to_do(diagnosis):
    text = diagnosis.to_text(200)
    assert "α = 0.6 (0.6 to 0.6), β = 0.1 (0.1 to 0.1), γ = 0.2 (0.2 to 0.2)" in text
    assert "12 difficult samples (as given)" in text
    for title in ("What to do", "What the theory says", "Difficult samples"):
        assert f"── {title}\n" in text
    assert "How many classes?" not in text


def test_the_document_is_strict_json(diagnosis):
    text = json.dumps(diagnosis.to_dict(), allow_nan=False)
    assert json.loads(text)["estimate"]["classes"] == sorted(NAMES)


def test_a_notebook_shows_the_report(diagnosis, page, monkeypatch):
    started = diagnosis.manifest_ | {"command": "how it was started"}
    monkeypatch.setattr(diagnosis, "manifest_", started)
    assert "how it was started" in diagnosis.to_html()
    shown = diagnosis._repr_mimebundle_()["text/html"]
    # The same pictures, byte for byte.
    assert [each["src"] for each in _Page(shown).all("img")] == [
        each["src"] for each in _Page(page).all("img")
    ]
    assert "<html" not in shown
    # The page around it keeps its own style, and its report does not tell how it was started.
    (style,) = re.findall(r"<style>(.*?)</style>", shown, flags=re.DOTALL)
    for rule in re.findall(r"([^{}]+){", style):
        assert rule.strip().startswith((".diagnosis", "@media print"))
    assert "how it was started" not in shown


def test_tables_of_many_classes_stay_out_of_the_document(diagnosis, monkeypatch):
    monkeypatch.setattr("dctheory.diagnose.report._MOST_CLASSES", 2)
    document = diagnosis.to_dict()["estimate"]
    assert document["class_table"] is None
    assert document["cell_table"] is None


def test_long_tables_are_cut_in_the_page_only(diagnosis, monkeypatch):
    monkeypatch.setattr(_theory_section, "_MOST_ROWS", 2)
    (theory,) = [each for each in sections.sections(diagnosis) if each.name == "theory"]
    lengths = [len(table) for table in theory.details]
    assert max(lengths) == 2
    spectrum = diagnosis.to_dict()["theory"]["levels"]["spectrum"]
    assert theory.details[0].notes[-1] == f"{len(spectrum) - 2} more rows stand in the JSON"


def test_what_a_choice_of_difficult_samples_proves_is_said(diagnosis):
    """Round clusters without any difficult samples have γ above β by the choice alone."""
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    rows = 2 * np.eye(8)[labels] + rng.standard_normal((400, 8))
    for given, group in [(labels, "class"), (None, "cluster")]:
        found = Diagnosis(classes=4).fit(rows, given)
        assert found.intervals_.readings["both"].gap.low > 0
        text = found.to_text()
        assert "can follow from the choice alone" in text
        assert f"α is of two samples of one {group}, γ" in text
        assert ("clusters that hold several classes make α too low" in text) == (given is None)
    assert "can follow from the choice alone" not in diagnosis.to_text()


def test_bars_hold_every_pair(diagnosis):
    edges, densities = sections._bars(diagnosis.distribution_)
    assert set(densities) == {"all", "same class", "cross-class", "difficult"}
    for density in densities.values():
        assert np.sum(density * np.diff(edges)) == pytest.approx(1)
    assert len(edges) <= 122
    assert edges[0] <= 0.101 <= 0.599 <= edges[-1]


def test_bars_end_where_their_bins_do(diagnosis, monkeypatch):
    counts = np.zeros(40, np.int64)
    counts[10:15] = [1, 0, 2, 3, 4]
    distribution = dataclasses.replace(
        diagnosis.distribution_, edges=np.linspace(-1, 1, 41), counts={"all": counts}
    )
    monkeypatch.setattr(sections, "_BARS", 2)
    edges, densities = sections._bars(distribution)
    np.testing.assert_allclose(edges, [-0.5, -0.35, -0.2])
    np.testing.assert_allclose(densities["all"], np.array([3, 7]) / (10 * 0.15))


def test_a_description_stays_within_its_quotes():
    picture = sections.Picture('"><script>', "<script>", lambda: b"")
    assert "<script>" not in html._figure(picture)


def test_one_class_in_the_spectrum_leaves_what_can_be_said(monkeypatch):
    estimate = classes.estimate_classes

    def one(*arguments, **options):
        return dataclasses.replace(estimate(*arguments, **options), count=1)

    monkeypatch.setattr(classes, "estimate_classes", one)
    found = Diagnosis().fit(np.random.default_rng(0).standard_normal((60, 5)))
    assert found.to_dict()["alpha"] == {"estimate": None, "low": None, "high": None}
    assert "a single class" in found.to_text()
    reason = "it needs clusters in place of labels, which there is not (the spectrum shows a single"
    assert found.missing_["levels"].startswith(reason)
    assert found.missing_["levels"].count("it needs") == 1
    assert found.difficulty_ is not None
    assert found.distribution_.kinds == ("all",)


def test_a_damaged_image_costs_its_picture_only(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for place in range(12):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(
            tmp_path / f"{place}.png"
        )
    found = Diagnosis(classes=2).fit(rng.standard_normal((12, 4)), images=tmp_path)

    def shown():
        (section,) = [each for each in sections.sections(found) if each.name == "difficulty"]
        return html._section(section)

    assert "data:image/png" in shown()
    for place in range(12):
        path = tmp_path / f"{place}.png"
        path.write_bytes(path.read_bytes()[:60])
    assert "No picture: " in shown()
    assert "data:image/png" not in shown()
    assert "data:image/svg" in shown()
