"""Look at an installation: versions, devices, extras, folders, and one small computation.

`calico doctor` prints what these modules find. They need the core only. Packages of extras are
imported if they are installed, and a package that does not import is a problem.
"""
