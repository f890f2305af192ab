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
import contextlib
import os

from IPython.display import display

import dctheory
from dctheory.experiment import paper_table, published_result
from dctheory.experiment.registry import EXPERIMENTS
from dctheory.plot.methods import differences

SMALL = os.environ.get("DCTHEORY_NOTEBOOK_SIZE") == "small"
FOLDER = "../figures/data/experiments"

# %% [markdown]
# ## The paper's tables and figures
#
# A claim is REPRODUCED or NOT REPRODUCED if the 95 % interval of the paired difference over seeds
# decides it, and else INCONCLUSIVE, with the number of seeds that would. Hyper-parameters of all
# methods, the baseline's τ included, come from the same search on a validation split. Of the
# presets, `cpu` trains a small encoder for a few minutes, which shows that an experiment works and
# decides nothing; `gpu` is what half an hour on a large accelerator can hold, and `paper` the
# paper's own size.

# %%
paper_table(FOLDER)

# %% [markdown]
# ## Beside the paper's numbers
#
# Of what is published, whatever its preset: the accuracy of each method less the baseline's, in
# percentage points, with the interval over seeds and, as a cross, what the paper reports.

# %%
results = []
for name in [name for name in EXPERIMENTS if name.startswith("cifar-")]:
    for dataset in ("cifar10", "cifar100"):
        with contextlib.suppress(FileNotFoundError):
            results.append(published_result(name, dataset=dataset, folder=FOLDER)["result"])
for result in results:
    title = f"{result.name}, {result.settings['dataset']}, {result.preset}"
    if len(result.tables.get("accuracy", ())) > 1:
        display(differences({title: result.tables["accuracy"]}))
print(f"{len(results)} results are published.")

# %% [markdown]
# ## The reports
#
# Each with its methods, the theory's numbers for every trained encoder (α, β, γ, $\lambda_{k+1}$,
# bounds) and the actual error of the probe, so that theory and practice stand in one table.

# %%
for result in results:
    if SMALL:
        print(f"{result.name}, {result.preset}: {result.summary}")
    else:
        display(result)

# %% [markdown]
# ## To measure what is missing
#
# The commands stand in the table. `--data-dir` names the folder with CIFAR, `--resume` continues
# what was interrupted, `--publish` puts the result where this notebook finds it, and `--dry-run`
# prints the resolved settings, the expected time and memory instead.
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
