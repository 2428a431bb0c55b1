"""The command line, where all packages are put together.

It names the commands by string and loads them on use.
"""
