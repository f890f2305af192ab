from __future__ import annotations

import subprocess
import sys

import pytest

from dctheory import data


def test_every_name_is_there():
    for name in data.__all__:
        found = getattr(data, name)
        assert name.isupper() or found.__name__ == name
    assert set(data.__all__) <= set(dir(data))
    with pytest.raises(AttributeError, match="no attribute 'imagenet'"):
        data.imagenet  # noqa: B018


def test_importing_starts_nothing():
    script = "import sys, dctheory.data; print('jax' in sys.modules, 'sklearn' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert found.stdout.split() == [b"False", b"False"]
