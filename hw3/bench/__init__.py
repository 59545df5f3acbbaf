"""Speed, as ratios: what a user would do otherwise, over what this package does."""
