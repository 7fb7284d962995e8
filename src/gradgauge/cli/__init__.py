"""The command line: `app.py` finds commands and turns errors into one sentence; one file a command."""
