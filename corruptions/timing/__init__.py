"""Sensors that are late, stuck or lose frames."""
