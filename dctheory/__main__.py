"""``python -m dctheory``."""

import sys

from dctheory.cli import main

if __name__ == "__main__":
    sys.exit(main())
