"""A trained network on images: batches of pictures, inference on CPUs, thresholds, heat maps."""
