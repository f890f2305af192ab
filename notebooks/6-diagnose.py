# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. Diagnose your embeddings
#
# Everything so far, for embeddings of your own: α, β and γ with intervals, the fit of the model,
# spectrum and bounds, which samples are difficult, and what to do about them. The example is
# scikit-learn's 1,797 handwritten digits; put your own array in their place.

# %%
# DCTHEORY_NOTEBOOK_SIZE=small trains the encoder for 5 epochs instead of 50, and diagnoses every
# second digit.
import os

import numpy as np
from IPython.display import Image
from sklearn.datasets import load_digits

from dctheory.diagnose import Diagnosis
from dctheory.diagnose.thumbnails import contact_sheet
from dctheory.train import DigitsData, TrainConfig, run_training

SMALL = os.environ.get("DCTHEORY_NOTEBOOK_SIZE") == "small"
digits = load_digits()
rows = slice(None, None, 2 if SMALL else 1)
pictures = (digits.images[rows, ..., None] / 16).astype(np.float32)
pixels = (255 * pictures).round().astype(np.uint8)
labels = digits.target[rows]

# %% [markdown]
# ## Embeddings
#
# From a small encoder, trained here with SimCLR. Any `(N, d)` array will do: NumPy, JAX, PyTorch,
# Dask, or the name of a `.npy` file or of a folder of shards.

# %%
config = TrainConfig(data=DigitsData(), epochs=5 if SMALL else 50)
encoder = run_training(config)[0]
embeddings = encoder.features(pictures)
encoder, embeddings.shape

# %% [markdown]
# ## The diagnosis

# %%
diagnosis = Diagnosis().fit(embeddings, labels, images=pixels)
diagnosis

# %% [markdown]
# How to read it:
#
# - **What to do** comes first, with its ground and how sure it is. Where the interval of γ − β
#   contains 0, or the model does not fit, it says that nothing can be told.
# - α, β and γ are exact means over all pairs; the intervals are about *other samples of the same
#   kind*. Features of different classes may point away from each other, so that β is negative: no
#   graph of the paper has that, and the report says so instead of computing on.
# - **Do three levels fit?** The paper's model has one α, one β and one γ. How much of the variation
#   of similarities that explains is measured, beside a level for every pair of classes.
# - **What the theory says** is about the fitted graph: its spectrum, the bound, and what is to
#   blame where the bound is vacuous. **Measured errors** are of this encoder: held-out linear probe
#   and nearest neighbours, on easy and on difficult samples.
# - The last sections are from neighbouring theory: whether the embeddings are Gaussian, and how
#   aligned they could be.
#
# Every part is an attribute:

# %%
diagnosis.alpha_, diagnosis.beta_, diagnosis.gamma_

# %%
diagnosis.intervals_

# %% [markdown]
# ## What the theory says, where it applies
#
# The better this encoder is trained, the further β falls below 0, out of the theory's reach. Pixels
# are never negative, and with them as embeddings the model applies:

# %%
plain = Diagnosis().fit(pixels.reshape(len(pixels), -1), labels)
plain.theory_.table()

# %%
for advice in plain.advice_:
    print(f"{advice.action}: {advice.text}\n{advice.ground}\n")

# %% [markdown]
# ## The difficult samples
#
# Ranked by how near a held-out classifier comes to confusing them. These are the most similar pairs
# of different classes:

# %%
difficulty = diagnosis.difficulty_
Image(contact_sheet(pixels, difficulty.pairs[:12]))

# %%
difficulty.suggested[:10], len(difficulty.suggested), len(difficulty.kept)

# %% [markdown]
# `diagnosis.save("folder")` writes the report as one HTML file, as JSON, and these lists as `.npz`,
# `.csv`, JSON and as the pickle that SAS tools read. A training run on CIFAR takes such a list as
# `data.subset`.
#
# ## Without labels
#
# Then the number of classes is estimated from the spectrum, clusters stand in for classes, and the
# report says what cannot be known.

# %%
unlabelled = Diagnosis().fit(embeddings)
unlabelled

# %% [markdown]
# ## In parts, or on many machines
#
# Sums over parts can be merged; means are exact, and the rest comes from a sample of rows that does
# not depend on how the parts were cut.

# %%
half = len(embeddings) // 2
first = Diagnosis().partial_fit(embeddings[:half], labels[:half], first_row=0)
second = Diagnosis().partial_fit(embeddings[half:], labels[half:], first_row=half)
merged = first.merge(second)
merged.alpha_ - diagnosis.alpha_

# %% [markdown]
# ## On the command line
#
# ```bash
# dctheory diagnose embeddings.npy --labels labels.npy --images images/ --out results
# dctheory diagnose 'shards/*.npy' --json > diagnosis.json
# ```
#
# The first writes `report.html` with pictures; the second reads shards without labels and prints
# JSON.
