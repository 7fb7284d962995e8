"""`python -m gradgauge`: the command line where its script is not on the path."""

from gradgauge.cli.app import main

if __name__ == "__main__":
    main()
