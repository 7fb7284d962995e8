"""Findings: what is wrong with somebody's training, in which layer, how sure, and what to do.

`diagnose.diagnose` finds out which framework the model belongs to; `rules/` has one file a rule;
`thresholds.toml` every limit with its source. No sentence stands here: the catalogue has them.
"""
