"""`python -m qcore` is `qcore`."""

from qcore.cli import main

if __name__ == "__main__":
    main()
