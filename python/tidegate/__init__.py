"""Tidegate: a gRPC gateway for ONNX models that decides, request by request, which version answers."""
