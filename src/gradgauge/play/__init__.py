"""The live page: networks built in a browser, and their signals watched while they train."""
