"""What damaged or hostile files make the standard library and NumPy raise as they are read."""

from __future__ import annotations

import tokenize
import zipfile
import zlib

DAMAGES = (
    ValueError,
    EOFError,
    TypeError,
    KeyError,
    OverflowError,
    MemoryError,
    RuntimeError,  # an encrypted member of an archive, an unknown compression, endless nesting
    SyntaxError,
    tokenize.TokenError,  # an array's header, from Python 3.12 on
    zipfile.BadZipFile,
    zlib.error,
)
