"""The commands of this package; `calico.cli.main` names them by string."""
