"""The benchmark: how fast the portal answers, as shares of a bare view in the same run."""
