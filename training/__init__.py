"""Data, training, evaluation and ONNX export. Hands over an ONNX file and a manifest, never an import."""
