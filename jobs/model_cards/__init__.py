"""Model cards, rendered from the manifests and the measurements that lie beside the models."""
