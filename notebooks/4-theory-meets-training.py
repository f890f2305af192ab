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
# # 4. Theory meets training
#
# The theory speaks of minimisers. Does stochastic training reach them? Experiments train with the
# spectral loss, on pairs of nodes drawn from the paper's graph, and set what comes out beside what
# notebooks 1 and 2 predict. Every prediction has a tolerance with its source; disagreement is a
# result like any other.

# %%
# DCTHEORY_NOTEBOOK_SIZE=small trains one reading with few seeds and leaves the full reports out; by
# default the live run is the experiment's own preset for 2 CPU cores, which takes under a minute.
import os

from IPython.display import display

import dctheory
from dctheory.experiment import published_result
from dctheory.plot.training import recovery

SMALL = os.environ.get("DCTHEORY_NOTEBOOK_SIZE") == "small"
NAMES = ("spectral-recovery", "margin-recovers-clean", "temperature-weighted")
published = {}
for name in NAMES:
    try:
        found = published_result(name, folder="../figures/data/experiments")
    except FileNotFoundError as missing:
        print(f"{name} is still to be measured: {missing}")
    else:
        published[name] = found["result"]
        print(f"{found['command']}: {found['device']}, {found['seconds']:.0f} s")

# %% [markdown]
# ## What is predicted
#
# Each node gets a free vector of $k$ features, so that nothing stands between the loss and its
# minimiser but the optimiser and the noise of sampled pairs. Then
#
# - the loss should end at $-\sum_{j \le k} \max(\lambda_j, 0)^2$, up to the noise of the gradient;
# - the features should span the leading $k$ eigenvectors (principal angles measure by how much they
#   do not), where $k$ does not cut an eigenspace;
# - the losses at $k$ and $k + 1$ differ by $\lambda_{k+1}^2$, so that training *measures* the
#   eigenvalue that Theorem 3.4 is about.
#
# ## What came out
#
# The lines above name the commands whose results the repository publishes. In the picture: (a) the
# loss exceeds its predicted minimum by what gradient noise explains; (b) the eigenvalues that
# training confirms, beside Theorem 3.4's; (c) the distance to the clean graph's solution with the
# margin of Theorem 4.3; (d) which of two candidates the temperature loss ends at.

# %%
if len(published) == len(NAMES):
    tables = [next(iter(published[name].tables.values())) for name in NAMES]
    display(recovery(*tables))

# %%
for name, result in published.items():
    print(f"{name}, {len(result.seeds)} seeds: {result.summary}", *result.findings, sep="\n- ")

# %% [markdown]
# Where a comparison disagrees, it is with a printed statement: training shows a $\lambda_{k+1}$
# above Theorem 3.4's, as notebook 2 proves; the margin as printed does not give the clean graph;
# and the temperature loss does not end at the eigenvectors that Theorem 4.5 assumes.
#
# ## The margin, live
#
# Theorem 4.3's margin is stated for raw weights. A loss over sampled pairs has weights that sum to
# 1 and needs $W = \sum w_{xx'}$ times that margin. Both are trained here:

# %%
changes = ['pairings=["both"]', "features=[3]", "steps=1500"] if SMALL else []
live = dctheory.run_experiment("margin-recovers-clean", seeds=3 if SMALL else None, changes=changes)
print(live.summary, *live.findings, sep="\n- ")

# %% [markdown]
# The margin times $W$ ends at the clean graph's minimum and eigenspaces; the margin for raw weights
# is too weak by that factor, and ends near the graph with its difficult pairs.
#
# ## The reports in full

# %%
for result in [] if SMALL else [live, *published.values()]:
    display(result)

# %% [markdown]
# ## What this shows, and what it does not
#
# The loss, its minimiser and the margin behave as the (corrected) theory says. That is a statement
# about the spectral loss on the model's graph. Practice uses InfoNCE on images; whether the
# theory's ordering survives there is asked by `infonce-transfer`, `difficulty-dial`, `digits` and
# the CIFAR experiments of notebook 5.
