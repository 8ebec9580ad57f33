"""`python -m glassformer`: the command, where its folder is not on the PATH."""

from glassformer.cli import main

if __name__ == "__main__":
    main()
