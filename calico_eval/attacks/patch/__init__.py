"""Printed patches on vehicles and beside the road."""
