"""Every sentence people read, in every language: `en/*.toml`, `ko/*.toml`; `catalog.py` looks them up."""
