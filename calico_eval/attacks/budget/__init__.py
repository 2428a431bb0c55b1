"""What an attack may change, and the measurement of what it did change. Uses numpy only."""
