"""Sphinx: how the documentation is built (``make docs``)."""

import sys
from pathlib import Path

import dctheory

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "dctheory"
author = "dctheory contributors"
copyright = author
release = version = dctheory.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinxcontrib.bibtex",
    "sphinx_copybutton",
    "generated",
]
exclude_patterns = ["_data", "_ext"]
# Two hyphens begin an option, and are no dash.
smartquotes = False
nitpicky = True
_INTERNAL = "bound.trials graph.noise.law graph.orbits graph.spectrum.MERGE_TOLERANCE train.group"
nitpick_ignore_regex = [
    # Other libraries' pages are not looked up, so that a build needs no network.
    (r"py:(class|obj|data|exc)", r"(?!dctheory).*"),
    # Attributes stand in their class's description and have no place of their own.
    (r"py:attr", r"\w+"),
    # What only the package itself uses.
    (r"py:.*", r"dctheory\.(\w+\.)*_\w+.*"),
    *((r"py:.*", rf"dctheory\.{name}.*") for name in _INTERNAL.split()),
]
# A name in a description that several classes have leads nowhere in particular.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = "dctheory"
html_copy_source = False
html_css_files = ["dctheory.css"]
html_static_path = ["_static"]
html_show_sphinx = False

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_default_options = {
    "members": True,
    # scikit-learn's on every estimator, and matplotlib's on every figure.
    "exclude-members": "set_fit_request, set_partial_fit_request, set",
}
napoleon_numpy_docstring = False
# Several attributes may share a line, which napoleon reads of parameters only.
napoleon_custom_sections = [("Attributes", "params_style")]
napoleon_use_rtype = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

copybutton_exclude = ".linenos, .gp, .go"
linkcheck_timeout = 10
