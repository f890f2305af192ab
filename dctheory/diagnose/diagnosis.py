"""A diagnosis of somebody's own embeddings, in the manner of scikit-learn."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from dctheory._progress import Progress
from dctheory._runs import manifest, write_atomic, write_json
from dctheory._validation import check_choice, check_integer, check_real
from dctheory.diagnose._inputs import Inputs, read_inputs
from dctheory.diagnose._parts import CLUSTERS, GIVEN, PARTS, find
from dctheory.diagnose.partial import PartialSums
from dctheory.graph.similarity import PAIRINGS
from dctheory.graph.similarity_estimate import SimilarityEstimate

REPORT_HTML, REPORT_JSON = "report.html", "report.json"


class Diagnosis(BaseEstimator):
    """What the theory says of embeddings: α, β, γ, spectrum, bounds, remedies, and their ground.

    ``fit`` takes everything at once, from arrays or files; ``partial_fit`` takes parts, which may
    be summed on several machines and brought together by ``merge``, and ``finalize`` ends them.
    A part of the diagnosis that cannot be computed is None, and ``missing_`` says why.

    Args:
        share: of each class, in (0, 1), that is difficult where ``difficult`` is not given.
        pairing: the reading of a difficult pair ("both", "either" or "matched") that spectrum,
            bounds and advice are for; α, β and γ are found for all readings.
        k: features in the bounds; the number of classes by default.
        classes: clusters in place of labels; by default as many as the spectrum shows.
        pos_high, pos_low: percentiles of Eq. 12 for the scores of difficulty; by default those
            that the sizes of the classes suggest.
        by: "sample" or "class", what intervals are made by.
        level: of intervals, in (0, 1).
        sample: rows that partial fits keep.
        seed: of everything random.

    Attributes:
        alpha_, beta_, gamma_: mean similarities (reading ``both``); NaN where they are unknown.
        readings_: β and γ of every reading that the data define, by name.
        estimate_: all of that: a :class:`dctheory.graph.similarity_estimate.SimilarityEstimate`.
        intervals_, distribution_, levels_, theory_, difficulty_, errors_, gaussian_, alignment_,
        advice_: what the functions of the same name in :mod:`dctheory.diagnose` return.
        classes_, clusters_: without labels, the number of classes, and clusters in their place.
        labels_are_: "given" or "clusters".
        missing_: name of a missing part to the reason.
        partial_: sums of the partial fits.
        n_samples_, n_features_in_: N and d.
        n_rows_: samples that all but means rests on; less than N after partial fits.
    """

    # A part like others, which are Any because their names are set in a loop.
    estimate_: Any

    def __init__(
        self,
        *,
        share: float = 0.08,
        pairing: str = "both",
        k: int | None = None,
        classes: int | None = None,
        pos_high: float | None = None,
        pos_low: float | None = None,
        by: str = "sample",
        level: float = 0.95,
        sample: int = 20_000,
        seed: int = 0,
    ) -> None:
        self.share = share
        self.pairing = pairing
        self.k = k
        self.classes = classes
        self.pos_high = pos_high
        self.pos_low = pos_low
        self.by = by
        self.level = level
        self.sample = sample
        self.seed = seed

    # --- Fits

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        difficult: Any = None,
        partners: Any = None,
        views: Any = None,
        images: Any = None,
        progress: Progress | None = None,
    ) -> Diagnosis:
        """Diagnose (N, d) embeddings.

        Args:
            X: as for :func:`dctheory.diagnose.load_embeddings`: an array of NumPy, JAX, PyTorch or
                Dask, or files.
            y: N labels, or a file of them; None for clusters in their place.
            difficult: N bools, or a file of them or of indices; None to choose ``share``.
            partners: N ids of matched groups (−1 for none), for the reading ``matched``.
            views: embeddings of a second view of each sample.
            images: the N images, for the report.
            progress: called with (done, total, what comes next).

        Raises:
            OSError, TypeError, ValueError: bad input or parameters, before anything is computed;
                with labels, also where α, β and γ cannot be estimated.
        """
        self._check_parameters()
        return self.fit_inputs(read_inputs(X, y, difficult, partners, views, images), progress)

    def fit_inputs(self, inputs: Inputs, progress: Progress | None = None) -> Diagnosis:
        """:meth:`fit` for what :func:`dctheory.diagnose.read_inputs` has read and checked."""
        self.check(inputs)
        self._forget()
        return self._find(inputs, inputs.shape[0], progress)

    def check(self, inputs: Inputs) -> None:
        """Raise TypeError or ValueError for parameters that are wrong or do not fit the input."""
        self._check_parameters()
        count = inputs.shape[0]
        if self.k is not None:
            check_integer("k", self.k, 1, count - 1)
        if self.classes is not None:
            check_integer("classes", self.classes, 2, count // 2)
        if self.pairing == "matched" and inputs.partners is None:
            raise ValueError("pairing 'matched' needs partners; give them, or use 'both'")

    def partial_fit(
        self, X: Any, y: Any = None, *, difficult: Any = None, first_row: int | None = None
    ) -> Diagnosis:
        """Add a part of the embeddings to the sums; α is exact after each.

        β and γ are too where ``difficult`` is given with every part. ``first_row`` is the number
        of the part's first row among all, needed where parts are made separately and merged.

        Raises:
            TypeError, ValueError: as :meth:`dctheory.diagnose.PartialSums.update`.
        """
        return self._take_sums(self._sums_so_far().update(X, y, difficult, first_row))

    def merge(self, other: Diagnosis) -> Diagnosis:
        """Add what another diagnosis has seen in its partial fits.

        Raises:
            TypeError: it is something else.
            ValueError: as :meth:`dctheory.diagnose.PartialSums.merge`; no partial fits.
        """
        if not isinstance(other, Diagnosis):
            raise TypeError(f"only a Diagnosis can be merged, got {type(other).__name__}")
        return self._take_sums(self._sums_so_far().merge(other._sums()))

    def finalize(self, progress: Progress | None = None) -> Diagnosis:
        """Diagnose what partial fits have seen: exact means, and a sample of rows for the rest.

        Raises:
            ValueError: no partial fits; α, β and γ cannot be estimated from them.
        """
        sums = self._sums()
        self._find(_sampled_inputs(sums), sums.count, progress, sums)
        if sums.classes:
            self.alpha_ = sums.alpha
        return self

    def _find(
        self,
        inputs: Inputs,
        count: int,
        progress: Progress | None,
        partial: PartialSums | None = None,
    ) -> Diagnosis:
        start = time.perf_counter()
        record = manifest()
        found = find(inputs, self.get_params(), progress, partial)
        for name in PARTS:
            setattr(self, f"{name}_", found.parts.get(name))
        self.missing_ = found.missing
        self.labels_are_ = CLUSTERS if inputs.labels is None else GIVEN
        self.n_samples_, self.n_features_in_ = count, inputs.shape[1]
        self.n_rows_ = inputs.shape[0]
        self._images = inputs.images
        self._take_estimate(found.parts.get("estimate"))
        self.manifest_ = record | {"seconds": round(time.perf_counter() - start, 2)}
        return self

    def _take_sums(self, sums: PartialSums) -> Diagnosis:
        self._forget()  # what was found of fewer rows, or of others
        self.partial_ = sums
        self.n_samples_, self.n_features_in_ = sums.count, sums.num_columns
        try:
            self._take_estimate(sums.estimate())
        except ValueError:
            self._take_estimate(None)  # no labels or difficult samples, or too few so far
        if sums.classes:
            self.alpha_ = sums.alpha
        return self

    def _take_estimate(self, estimate: SimilarityEstimate | None) -> None:
        self.estimate_ = estimate
        self.readings_ = {} if estimate is None else dict(estimate.readings)
        self.alpha_ = math.nan if estimate is None else estimate.alpha
        self.beta_ = math.nan if estimate is None else estimate.beta()
        self.gamma_ = math.nan if estimate is None else estimate.gamma()

    def _forget(self) -> None:
        for name in [each for each in vars(self) if each.endswith("_")]:
            delattr(self, name)

    def _sums_so_far(self) -> PartialSums:
        self._check_parameters()
        sums: PartialSums | None = getattr(self, "partial_", None)
        return PartialSums(sample=self.sample, seed=self.seed) if sums is None else sums

    def _sums(self) -> PartialSums:
        sums: PartialSums | None = getattr(self, "partial_", None)
        if sums is None:
            raise ValueError("there were no partial fits; call partial_fit first")
        return sums

    def _check_parameters(self) -> None:
        for name in ("share", "level"):
            value = check_real(name, getattr(self, name), 0, 1, low_open=True)
            if value == 1:
                raise ValueError(f"{name} must be below 1, got 1; choose {name} in that range")
        for name in ("pos_high", "pos_low"):
            if getattr(self, name) is not None:
                check_real(name, getattr(self, name), 0, 100)
        low = 100 if self.pos_low is None else self.pos_low
        if self.pos_high is not None and self.pos_high >= low:
            raise ValueError(
                f"pos_high must be below pos_low, got {self.pos_high:g} and {low:g}; percentiles "
                "count from the most similar pair down"
            )
        check_choice("pairing", self.pairing, PAIRINGS)
        check_choice("by", self.by, ("sample", "class"))
        for name, least in (("k", 1), ("classes", 2)):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), least)
        check_integer("sample", self.sample, 100)
        check_integer("seed", self.seed, 0)

    # --- Results

    def to_dict(self) -> dict[str, Any]:
        """Everything as strict JSON can hold it, α, β and γ of the reading ``both`` first."""
        from dctheory.diagnose.report import to_dict

        self._check_fitted()
        return to_dict(self)

    def to_text(self, width: int | None = None) -> str:
        """A summary in plain text, wrapped to ``width`` columns."""
        from dctheory.diagnose.report import to_text

        self._check_fitted()
        return to_text(self, width)

    def to_html(self) -> str:
        """The whole report as one HTML page with its pictures, which needs no network."""
        from dctheory.diagnose.report import to_html

        self._check_fitted()
        return to_html(self)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write report.html, report.json, and the lists of difficult samples into ``folder``.

        The folder is made if need be. Without labels the clusters are written too.

        Raises:
            OSError: it cannot be written.
        """
        document, page = self.to_dict(), self.to_html()
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        if self.difficulty_ is not None:
            self.difficulty_.save(target / "difficulty")
        if self.clusters_ is not None:
            np.save(target / "clusters.npy", self.clusters_.codes, allow_pickle=False)
        write_atomic(target / REPORT_HTML, page)
        write_json(target / REPORT_JSON, document)

    def __str__(self) -> str:
        return self.to_text() if self._is_fitted() else repr(self)

    def _repr_html_(self) -> str:
        from dctheory.diagnose.report import to_html

        return to_html(self, whole=False) if self._is_fitted() else f"<pre>{self!r}</pre>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        # scikit-learn's own shows parameters only.
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _is_fitted(self) -> bool:
        return hasattr(self, "missing_")

    def _check_fitted(self) -> None:
        if not self._is_fitted():
            raise NotFittedError(
                "this Diagnosis has nothing to report yet; call fit, or finalize after partial fits"
            )


def _sampled_inputs(sums: PartialSums) -> Inputs:
    """The rows that partial fits have kept, without classes too small in the sample to be used."""
    kept = sums.sample()
    if not sums.classes:
        return read_inputs(kept.rows)
    sizes, easy = np.bincount(kept.codes), np.bincount(kept.codes, weights=~kept.difficult)
    usable = ((sizes >= 2) & (easy >= 1))[kept.codes]
    mask = kept.difficult[usable] if "difficult" in sums.means() else None
    return read_inputs(kept.rows[usable], np.asarray(sums.classes)[kept.codes[usable]], mask)
