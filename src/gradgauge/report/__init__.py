"""What people read of a Comparison: terminal, HTML page, pictures, notebook.

Nothing here computes a figure: they come from `study`. Sentences come from the catalogue.
"""
