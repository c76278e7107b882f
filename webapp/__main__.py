"""`python -m webapp`: choose a model version and serve the site."""

import sys

if __name__ == "__main__":
    try:
        from .server.command import main
    except ModuleNotFoundError as error:
        sys.exit(
            f"{error.name} is not installed. Run `make serve`, or `pip install --require-hashes "
            "-r requirements-serve.txt` in a virtual environment."
        )
    except KeyboardInterrupt:
        sys.exit(0)
    sys.exit(main())
