"""Weather and light. One physical parameter drives cameras and LiDAR."""
