"""The embedded models: ONNX files, each with its manifest and model card."""
