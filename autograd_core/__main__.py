"""``python -m autograd_core``: the command line, which lives with the drawings that it writes."""

import sys

from viz.cli import main

sys.exit(main())
