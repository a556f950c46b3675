"""How good the image model is: measured on what trained nothing, beside baselines measured in the same run."""
