"""`python -m webapp`: choose a model version and serve the site."""

import sys

from .serving import main

if __name__ == "__main__":
    sys.exit(main())
