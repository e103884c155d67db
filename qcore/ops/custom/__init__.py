"""Operators that TFLite knows by a custom code, one file each, named after the code in lower case."""
