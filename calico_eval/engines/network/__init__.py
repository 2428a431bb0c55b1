"""Attacks' view of our own network: its objectives, and gradients of its pillars."""
