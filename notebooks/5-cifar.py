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
# # 5. CIFAR: what reproduces
#
# The paper's tables and figures on CIFAR are named experiments, `dctheory experiment cifar-…`. This
# notebook reads what the repository publishes of them. What has not been measured says so: no
# number of ours here is anything but a measurement.

# %%
# DCTHEORY_NOTEBOOK_SIZE=small leaves the full reports out. Where DCTHEORY_DATA names a folder with
# CIFAR-10, the last section trains on 40 of its images, at either size.
import os
from pathlib import Path

from IPython.display import display

import dctheory
from dctheory._table import Table
from dctheory.experiment._publish import PUBLISHED
from dctheory.experiment.registry import EXPERIMENTS, load_experiment

SMALL = os.environ.get("DCTHEORY_NOTEBOOK_SIZE") == "small"
NAMES = [name for name in EXPERIMENTS if name.startswith("cifar-")]
results = {
    name: [dctheory.load_result(file) for file in sorted(files)]
    for name in NAMES
    if (files := list((Path("..") / PUBLISHED).glob(f"{name}-*.json")))
}

# %% [markdown]
# ## Which experiments there are, and which are measured

# %%
rows = [
    (
        name,
        load_experiment(name).title,
        ", ".join(f"{each.preset} ({len(each.seeds)} seeds)" for each in results.get(name, ()))
        or "still to be measured",
    )
    for name in NAMES
]
Table(("experiment", "what", "published results"), rows)

# %% [markdown]
# ## The paper's empirical claims
#
# A claim is REPRODUCED or NOT REPRODUCED if the 95 % interval of the paired difference over seeds
# decides it, and else INCONCLUSIVE, with the number of seeds that would. A preset `cpu` trains a
# small encoder for a few minutes: it shows that the experiment works, and decides nothing. Hyper-
# parameters of all methods, the baseline's τ included, come from the same search on a validation
# split.

# %%
verdicts = [
    (
        *(result.name, result.preset, each.claim, each.verdict),
        *(each.difference, *(each.interval or (None, None))),
        *(each.published, each.seeds_needed),
    )
    for found in results.values()
    for result in found
    for each in result.verdicts
]
Table(
    (
        *("experiment", "preset", "claim", "verdict"),
        *("difference", "95 % from", "to", "the paper's", "seeds that would decide"),
    ),
    verdicts,
    notes=() if verdicts else ("nothing is published yet: every row is still to be measured",),
)

# %% [markdown]
# ## The reports
#
# Each with its methods, the theory's numbers for every trained encoder (α, β, γ, $\lambda_{k+1}$,
# bounds) and the actual error of the probe, so that theory and practice stand in one table.

# %%
for found in results.values():
    for result in found:
        if SMALL:
            print(f"{result.name}, {result.preset}: {result.summary}")
        else:
            display(result)

# %% [markdown]
# ## To measure what is missing
#
# One command runs an experiment, continues it after an interruption, and publishes its result where
# this notebook finds it:
#
# ```bash
# dctheory experiment cifar-combined --data-dir DATA --preset gpu --resume --publish
# ```
#
# With `--dry-run` it prints the resolved settings, the expected time and memory instead.
#
# ## A run, here and now
#
# The preset `smoke` trains on 40 images. It shows that the whole path works, from reading CIFAR to
# the table, and nothing else: its numbers are noise, and no verdict is given.

# %%
if os.environ.get("DCTHEORY_DATA"):
    display(dctheory.run_experiment("cifar-removal", preset="smoke"))
else:
    print("DCTHEORY_DATA is not set: no CIFAR-10 to train on, so nothing is trained here.")
