"""Exact arithmetic on arrays: fixed point, requantization, integer products, tables. Knows no model."""
