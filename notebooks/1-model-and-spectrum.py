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
# # 1. The model and its spectrum
#
# *Difficult Examples Hurt Unsupervised Contrastive Learning* (Zhang, Cui, Li and Wang, ICLR 2026,
# [arXiv 2501.01317](https://arxiv.org/abs/2501.01317)) explains the harm by one eigenvalue of a
# graph. This notebook builds that graph and finds that eigenvalue. It is for readers who know
# contrastive learning but not the paper, and takes ten minutes. Notebook 2 asks which of the
# paper's theorems hold, notebook 3 what the bounds say for your numbers.

# %%
# Runs in seconds. `DCTHEORY_NOTEBOOK_SIZE=small`, which shortens other notebooks, changes nothing.
import dataclasses
from fractions import Fraction

import numpy as np
from IPython.display import display

import dctheory
from dctheory.bound.edits import without_difficult
from dctheory.formulas import THM_3_4
from dctheory.plot.graph import similarity_graphs
from dctheory.plot.spectrum import eigenvalue_by_k

# %% [markdown]
# ## From contrastive learning to a graph
#
# Let the nodes be all augmented images, and let the weight $w_{xx'}$ say how likely $x$ and $x'$
# are to be two views of one natural image. $A$ is the matrix of weights, $D$ the diagonal matrix of
# its row sums, and $\bar A = D^{-1/2} A D^{-1/2}$. For an encoder $f$ with $k$ features the
# *spectral contrastive loss* is, up to a constant (Eq. 2 of the paper),
#
# $$-2\,\mathbb E\, f(x)^\top f(x^+) + \mathbb E\,\bigl(f(x)^\top f(x')\bigr)^2
#   \;=\; \lVert \bar A - F F^\top \rVert^2 + \text{const},$$
#
# where row $x$ of $F$ is $\sqrt{w_x}\, f(x)$ and $w_x$ is the weight of node $x$. So the best
# encoder finds the leading $k$ eigenvectors of $\bar A$, with eigenvalues
# $1 = \lambda_1 \ge \lambda_2 \ge \dots$, and a linear probe on it errs at most
# (HaoChen et al. 2021; Eq. 3)
#
# $$\frac{4\delta}{1 - \lambda_{k+1}} + 8\delta .$$
#
# $\lambda_{k+1}$ is the largest eigenvalue for which no feature is left. $\delta$ is the
# *labelling error*: how often an augmented image does not show the label of its original. A smaller
# $\lambda_{k+1}$ makes a better bound, and the whole argument of the paper is about this one
# number.
#
# ## Three levels of similarity
#
# The paper's graph has $r+1$ classes of $n$ nodes, and only these weights:
#
# | pair | weight |
# | --- | --- |
# | a node with itself | 1 |
# | two nodes of the same class | $\alpha$ |
# | two nodes of different classes | $\beta$ |
# | a *difficult* pair of nodes of different classes | $\gamma$ |
#
# with $0 \le \beta < \gamma < \alpha < 1$. In each class $n_d$ nodes are difficult: they look like
# another class. Exact fractions stay exact throughout.

# %%
graph = dctheory.SimilarityGraph(
    classes=3,  # r + 1
    per_class=4,  # n
    difficult=2,  # n_d
    alpha=Fraction(1, 2),
    beta=Fraction(1, 10),
    gamma=Fraction(3, 10),
)
graph.degree_easy, graph.degree_difficult

# %% [markdown]
# The paper can be read in three ways as to *which* cross-class pairs are difficult: those with
# **both** ends difficult; **matched** ones, with both ends difficult and the same place within
# their classes; or those with **either** end difficult. Its theorems do not all fit one reading, so
# `dctheory` decides each of them for all three.

# %%
readings = {
    name: dataclasses.replace(graph, pairing=name) for name in ("both", "matched", "either")
}
levels = {}
for name, each in readings.items():
    a = each.adjacency()
    levels[name] = np.select([a == 1, a == each.alpha, a == float(each.gamma)], [0, 1, 2], 3)
similarity_graphs(levels, graph.labels, graph.is_difficult)

# %% [markdown]
# ## The spectrum, with its modes named
#
# The graph is so symmetric that every eigenvalue has a closed form.

# %%
graph.spectrum()

# %% [markdown]
# - The **trivial** mode is the same at all nodes (up to $D^{1/2}$). Its eigenvalue is 1.
# - The $r$ **class** modes are equal within a class and differ between classes. They are what a
#   linear probe needs: with the trivial mode they fill $k = r + 1$ features.
# - **difficult-against-easy** tells difficult nodes from easy ones, whatever their class. It is of
#   no use to the probe, but it has an eigenvalue and takes its turn. (Its companions **class,
#   difficult-against-easy** do so with another sign for each class.)
# - The **bulk** modes differ within a class and sum to zero there: noise, as far as labels go.
#
# The closed forms are exact; a numerical eigensolver finds the same.

# %%
exact = np.repeat(graph.spectrum().values, graph.spectrum().multiplicities)
numerical = np.linalg.eigvalsh(graph.normalized_adjacency())[::-1]
float(abs(exact - numerical).max())

# %% [markdown]
# ## What difficult examples change
#
# Setting $\gamma = \beta$ gives the same graph without difficult pairs. Then all nodes have the
# degree $c_2 = (1-\alpha) + n\alpha + nr\beta$, and every eigenvalue after the first $r + 1$ is
# $(1-\alpha)/c_2$. That is Theorem 3.3. Theorem 3.4 says what $\lambda_{k+1}$ is said to become for
# $r + 1 \le k < n_d + r + 1$ when difficult pairs are there:
# $[(1-\alpha) + r(\gamma-\beta)]/c_1$ with $c_1 = c_2 + n_d r(\gamma-\beta)$. The picture shows it
# beside the true eigenvalues; the shaded $k$ are the theorem's.


# %%
def over_k(graphs):
    """λ_{k+1} of each graph over k: exact, without difficult pairs, and as printed."""
    curves = {}
    for name, each in graphs.items():
        with_them, clean = each.spectrum(), without_difficult(each).spectrum()
        first, last = each.r + 1, each.n_d + each.r
        curves[name] = [
            {
                "k": k,
                "exact": with_them.eigenvalue(k + 1),
                "without": clean.eigenvalue(k + 1),
                "printed": THM_3_4.numpy(*each.parameters.values()) if first <= k <= last else None,
            }
            for k in range(1, each.num_nodes)
        ]
    return eigenvalue_by_k(curves, (first, last))


over_k(readings)

# %% [markdown]
# Three things to see, which notebook 2 proves in general:
#
# - Under **both** only $k = r + 1 = 3$ is hurt: one eigenvalue, that of difficult against easy,
#   comes between the classes and the bulk. One more feature cures it.
# - Under **matched** every $k$ of the theorem is hurt: $n_d$ modes come in between.
# - Under **either** $\lambda_{k+1}$ *falls* here for every $k$ from 3 on. Difficult pairs add
#   weight to all degrees, and that weighs more.
#
# The printed value of Theorem 3.4 is none of the three. At $k = 3$ it lies below the truth under
# *both* and *matched*, so that the bound made from it is not one.
#
# ## Try it
#
# Move the sliders. Where similarities break the order $0 \le \beta \le \gamma \le \alpha$, the
# library says so.


# %%
def explore(n=4, n_d=2, alpha=0.5, beta=0.1, gamma=0.3, pairing="both"):
    """Draw λ_{k+1} and list the modes of one graph of three classes."""
    try:
        chosen = dctheory.SimilarityGraph(
            classes=3,
            per_class=n,
            difficult=n_d,
            alpha=alpha,
            beta=beta,
            gamma=gamma,
            pairing=pairing,
        )
    except ValueError as error:
        print(error)
    else:
        display(over_k({pairing: chosen}), chosen.spectrum())


explore(n=12, n_d=2, alpha=0.5, beta=0.1, gamma=0.2)

# %%
try:
    from ipywidgets import interact
except ImportError:
    print("Sliders need ipywidgets (pip install 'dctheory[notebooks]'); explore(…) does without.")
else:
    share = (0.0, 0.99, 0.01)
    sliders = interact(
        explore,
        n=(2, 40),
        n_d=(0, 40),
        alpha=share,
        beta=share,
        gamma=share,
        pairing=["both", "matched", "either"],
    )

# %% [markdown]
# ## At any size
#
# Closed forms do not care about $N$: this is a graph as large as CIFAR-10, with α, β and γ that the
# paper measured on it (Table 10).

# %%
cifar = dctheory.SimilarityGraph(
    classes=10, per_class=5000, difficult=400, alpha=0.472, beta=0.191, gamma=0.209
)
cifar.spectrum()

# %% [markdown]
# A negative eigenvalue. Weights that come from augmentation are expected products, so that $A$ must
# be positive semidefinite. Under *both*, γ cannot be as far above β as the paper measured:

# %%
gap = dctheory.largest_gap(
    classes=10, per_class=5000, difficult=400, alpha=cifar.alpha, beta=cifar.beta
)
print(f"realizable: {cifar.is_realizable().answer}")
print(f"γ − β: {cifar.gamma - cifar.beta:.4f}, at most {gap:.4f} can be")

# %% [markdown]
# Under *matched* the same numbers are possible:

# %%
dataclasses.replace(cifar, pairing="matched").is_realizable().answer
