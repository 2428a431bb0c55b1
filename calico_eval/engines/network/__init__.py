"""What attacks see of our own network: its objectives, and gradients of its pillars."""
