"""Pictures of corruptions: a page with every severity (`calico gallery`), and the contact sheets of the documentation."""
