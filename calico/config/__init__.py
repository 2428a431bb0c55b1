"""Configuration: schema, presets, and how they are merged."""
