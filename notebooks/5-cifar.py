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
from dctheory.experiment._publish import PUBLISHED, NotMeasured, published_result
from dctheory.experiment.registry import EXPERIMENTS, load_experiment
from dctheory.plot.methods import differences

SMALL = os.environ.get("DCTHEORY_NOTEBOOK_SIZE") == "small"
NAMES = [name for name in EXPERIMENTS if name.startswith("cifar-")]
FOLDER = Path("..") / PUBLISHED

# %% [markdown]
# ## Which experiments there are, and which are measured

# %%
results, rows = {}, []
for name in NAMES:
    for dataset in ("cifar10", "cifar100"):
        try:
            found = published_result(name, dataset=dataset, folder=FOLDER)
        except NotMeasured as missing:
            status = str(missing)
        else:
            result = results[name, dataset] = found["result"]
            status = f"{result.preset}, {len(result.seeds)} seeds, {found['device']}"
        rows.append((name, load_experiment(name).title, dataset, status))
Table(("experiment", "what", "data set", "published result"), rows)

# %% [markdown]
# The preset `cpu` trains a small encoder for a few minutes: it shows that an experiment works, and
# decides nothing. `gpu` is what half an hour on a large accelerator can hold, `paper` the paper's
# own size.
#
# ## The paper's empirical claims
#
# A claim is REPRODUCED or NOT REPRODUCED if the 95 % interval of the paired difference over seeds
# decides it, and else INCONCLUSIVE, with the number of seeds that would. Hyper-parameters of all
# methods, the baseline's τ included, come from the same search on a validation split.

# %%
verdicts = [
    (
        *(name, dataset, result.preset, each.claim, each.verdict, each.difference),
        *(each.interval or (None, None)),
        *(each.published, each.seeds_needed),
    )
    for (name, dataset), result in results.items()
    for each in result.verdicts
]
columns = ("experiment", "data set", "preset", "claim", "verdict", "difference")
columns += ("95 % from", "to", "the paper's", "seeds that would decide")
Table(columns, verdicts, notes=() if verdicts else ("still to be measured: every row",))

# %% [markdown]
# ## Beside the paper's numbers
#
# Accuracy of each method less the baseline's, in percentage points, with the interval over seeds
# and, as a cross, what the paper reports.

# %%
accuracies = {
    f"{name}, {dataset}, {result.preset}": result.tables["accuracy"]
    for (name, dataset), result in results.items()
    if len(result.tables.get("accuracy", ())) > 1
}
for title, table in accuracies.items():
    display(differences({title: table}))

# %% [markdown]
# ## The reports
#
# Each with its methods, the theory's numbers for every trained encoder (α, β, γ, $\lambda_{k+1}$,
# bounds) and the actual error of the probe, so that theory and practice stand in one table.

# %%
for result in results.values():
    if SMALL:
        print(f"{result.name}, {result.preset}: {result.summary}")
    else:
        display(result)

# %% [markdown]
# ## To measure what is missing
#
# The commands stand in the first table. With `--preset gpu` or `paper` they run at that size,
# `--resume` continues what was interrupted, `--publish` puts the result where this notebook finds
# it, and `--dry-run` prints the resolved settings, the expected time and memory instead.
#
# ## A run, here and now
#
# The preset `smoke` trains on 40 images. It shows that the whole path works, from reading CIFAR to
# the table, and nothing else: its accuracy is noise, and no verdict is given.

# %%
if os.environ.get("DCTHEORY_DATA"):
    smoke = dctheory.run_experiment("cifar-baseline", preset="smoke", seeds=1)
    display(smoke.tables["accuracy"])
else:
    print("DCTHEORY_DATA is not set: no CIFAR-10 to train on, so nothing is trained here.")
