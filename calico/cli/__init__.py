"""The command line: the composition root. It names the commands by string and loads them on use."""
