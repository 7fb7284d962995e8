"""Figures put into words."""
