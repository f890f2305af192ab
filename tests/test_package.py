"""What a user's session sees of the package: light, typed, and hands off JAX's configuration."""

import importlib.metadata
import importlib.resources
import inspect
import json
import pkgutil
import subprocess
import sys

import pytest

import dctheory

_HEAVY = {"flint", "flax", "jax", "matplotlib", "scipy", "sklearn", "sympy", "tqdm", "z3"}


def _modules_after(statement):
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize("statement", ["import dctheory", "import dctheory.cli"])
def test_importing_is_light(statement):
    assert not _modules_after(statement) & _HEAVY


def test_every_public_name_exists_and_is_documented():
    for name in dctheory.__all__:
        value = getattr(dctheory, name)
        if not name.startswith("_"):
            assert inspect.getdoc(value), name
    assert set(dctheory.__all__) <= set(dir(dctheory))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'boundz'"):
        _ = dctheory.boundz


def test_no_public_function_bears_a_modules_name():
    modules = {module.name for module in pkgutil.iter_modules(dctheory.__path__)}
    for name in dctheory.__all__:
        if callable(getattr(dctheory, name)):
            assert name not in modules


def test_version_and_type_marker():
    assert importlib.metadata.version("dctheory") == dctheory.__version__
    assert importlib.resources.files("dctheory").joinpath("py.typed").is_file()


_JAX_CONFIGURATION = """
import importlib, json, pkgutil
import jax
from jax._src import xla_bridge
before = dict(jax.config.values)
import dctheory
for module in pkgutil.walk_packages(dctheory.__path__, "dctheory."):
    if module.name != "dctheory.__main__":
        importlib.import_module(module.name)
for name in dctheory.__all__:
    getattr(dctheory, name)
changed = [key for key, value in jax.config.values.items() if before.get(key, value) != value]
print(json.dumps([changed, xla_bridge.backends_are_initialized()]))
"""


def test_importing_everything_leaves_jax_alone():
    done = subprocess.run(
        [sys.executable, "-c", _JAX_CONFIGURATION],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    changed, started = json.loads(done.stdout)
    assert changed == []
    assert not started
