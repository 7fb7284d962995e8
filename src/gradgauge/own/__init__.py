"""Somebody's own networks, made by functions and trained in their own framework, under watch.

Nothing here imports a framework before a function of the user's has: `loops/` has one file each.
"""
