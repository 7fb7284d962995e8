"""Theory beside measurement."""
