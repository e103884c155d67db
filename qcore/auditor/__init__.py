"""Judging a quantized model: how far its numbers are from the float model's."""
