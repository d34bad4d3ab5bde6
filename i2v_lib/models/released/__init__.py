"""The authors' files: reading them, converting them, ONNX."""
