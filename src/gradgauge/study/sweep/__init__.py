"""Thousands of networks: grid, store, runners, results."""
