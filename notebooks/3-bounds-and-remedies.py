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
# # 3. Bounds and remedies for your numbers
#
# Notebook 1 built the graph, notebook 2 sorted the theorems. Here are the bounds for numbers that
# you choose: what the paper promises, what follows in its model, what each remedy would change, and
# whether any of it says anything. Ten minutes.

# %%
# Runs in seconds. `DCTHEORY_NOTEBOOK_SIZE=small`, which shortens other notebooks, changes nothing.
import numpy as np

import dctheory
from dctheory.plot.phase import category_maps

# %% [markdown]
# ## Your numbers
#
# Change them and run the notebook again. α, β and γ are mean similarities of two samples of the
# same class, of different classes, and of difficult pairs of different classes; the last section
# estimates them from embeddings.

# %%
graph = dctheory.SimilarityGraph(
    classes=10,  # r + 1
    per_class=50,  # n
    difficult=10,  # n_d
    alpha=0.6,
    beta=0.005,
    gamma=0.04,
    pairing="both",  # or "matched", "either": which cross-class pairs are difficult
)
k = graph.classes  # features; r + 1 is the least that can tell the classes apart
print("Can augmentation give this graph?", graph.is_realizable().answer)
graph.spectrum()

# %% [markdown]
# ## The table of bounds

# %%
table = dctheory.bounds(graph, k)
table

# %% [markdown]
# A row is a setting of the paper. How to read it:
#
# - **δ** is the smallest labelling error that the data of this setting allow (next section).
# - **printed λ** and **printed bound** are the paper's formulas; **exact λ** is $\lambda_{k+1}$ of
#   the graph after the remedy, and **exact bound** is $4\delta/(1-\lambda_{k+1}) + 8\delta$ with
#   it. **mode** names the eigenvectors behind it.
# - **printed is** *valid* where the printed λ is no smaller than the exact one, and *too small*
#   where the paper promises too much.
# - **bound** says whether a bound follows for what this setting trains. For temperatures the paper
#   assumes that the minimiser is the eigen-factor, which is refuted (notebook 2); the row
#   "temperature, proved" has a bound of ours that needs no such assumption.
# - **from δ** and **from λ** split the difference to "with difficult" in two.
#
# Note the last two. Removal gains almost everything through δ, since the samples that are hard to
# label are gone, and not through the eigenvalue, of which the paper speaks. A margin or temperature
# leaves the data alone, and so their δ.
#
# ## Does the bound say anything?
#
# An error rate is at most 1, so a bound of 1 or more is *vacuous*. Weight between classes makes
# labels ambiguous: δ is at least half of its share of all weight, if the labels are the classes.

# %%
dctheory.smallest_delta(graph)

# %% [markdown]
# That share grows with the number of classes. In a large graph it is about
# $r\beta/(\alpha + r\beta)$, so that a useful bound needs $r\beta$ to be a small part of α. These
# are the paper's own numbers, from features trained on CIFAR-10 (Table 10):

# %%
paper = dctheory.SimilarityGraph(
    classes=10, per_class=5000, difficult=400, alpha=0.472, beta=0.191, gamma=0.209
)
dctheory.smallest_delta(paper)

# %% [markdown]
# With the classes as labels every bound is above 4 there, and no choice of n, n_d, γ and k brings
# one below 3.79 on a graph that can exist. The theory may still *order* the settings rightly; that
# is a question for experiments, and for notebooks 4 and 5.
#
# ## What actually goes wrong
#
# A bound is about the worst case. The actual error of a linear probe on the graph's eigenvectors
# can be computed:

# %%
dctheory.probe_error(graph, k, heads=["least squares"])

# %% [markdown]
# No error at all, in any setting, where the bounds promise at most a half: the class modes are all
# among the $k$ features, and the eigenvalue that difficult examples raise is of no concern to the
# probe. They do harm where their mode overtakes the classes'. That takes a γ near α:

# %%
overtaken = dctheory.SimilarityGraph(
    classes=10, per_class=20, difficult=10, alpha=0.43, beta=0.3, gamma=0.37
)
overtaken.spectrum()

# %% [markdown]
# Now difficult-against-easy is the second feature, and at $k = r + 1$ one of the nine class modes
# is left out, in a direction that chance decides. Errors appear, if few; every remedy cures that,
# and so does one more feature ($k = 11$).

# %%
rng = np.random.default_rng(0)
dctheory.probe_error(overtaken, 10, heads=["least squares"], samples=200, rng=rng)

# %% [markdown]
# ## How strong a remedy?
#
# A margin of strength $s$ turns $\bar A$ into $\bar A - s\bar M$: $s = 0$ does nothing and $s = 1$
# is Theorem 4.3's. Beyond that it over-corrects. Where the edited matrix is no graph's, a small
# eigenvalue gives no bound.

# %%
dctheory.margin_curve(graph, k)

# %% [markdown]
# A temperature τ multiplies the entries of difficult pairs. No τ but 1 on those pairs alone gives a
# graph; Theorem 4.5 needs another τ on every kind of pair.

# %%
dctheory.temperature_curve(graph, k)

# %% [markdown]
# ## Which remedy, where?
#
# The remedy with the smallest exact bound, over γ and the number of difficult samples, all else as
# above. In the upper row each remedy has the δ of its own data; in the lower row all have the same,
# so that only the eigenvalue counts. White: no augmentation gives such a graph.

# %%
gammas, counts = np.linspace(graph.beta, 0.45, 100), np.arange(1, graph.per_class)
fixed = {
    "classes": graph.classes,
    "per_class": graph.per_class,
    "alpha": graph.alpha,
    "beta": graph.beta,
}
maps = {}
for pairing in ("both", "matched"):
    largest = [dctheory.largest_gap(difficult=int(n_d), pairing=pairing, **fixed) for n_d in counts]
    possible = gammas - graph.beta <= np.array(largest, float)[:, None]
    for row, delta in (("own δ", None), ("same δ", 0.05)):
        diagram = dctheory.phase_diagram(
            difficult=counts, gamma=gammas, pairing=pairing, delta=delta, **fixed
        )
        maps[row, pairing] = np.where(possible, diagram.best, -1)
roles = {"with difficult": "with", "removal": "removal", "margin": "margin"}
category_maps(maps, gammas, counts, ("gamma", "difficult"), roles)

# %% [markdown]
# With its own δ removal is best wherever it leaves enough samples. By the eigenvalue alone the
# margin is best, since it ends at the clean graph with all samples.
#
# ## From embeddings to numbers
#
# With embeddings and labels, α, β and γ are mean cosine similarities. By default the difficult
# samples are those that a held-out classifier finds hardest to place. The digits of scikit-learn,
# with their pixels as embeddings:

# %%
from sklearn.datasets import load_digits

digits = load_digits()
estimate = dctheory.estimate_similarities(digits.data, digits.target)
estimate

# %%
dctheory.bounds(estimate.graph(), k=10)

# %% [markdown]
# Pixels are all alike ($\beta$ is large), so that these bounds say nothing. Notebook 6 takes
# embeddings further: intervals, the fit of the three levels, difficult samples by name, advice.
