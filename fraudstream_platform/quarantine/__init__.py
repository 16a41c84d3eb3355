"""What was kept out of Silver, and its way back after a repair."""
