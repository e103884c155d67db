"""Corrections that leave the graph as it is and change its constants: before quantizing, and after.

cross_layer_equalization  before: scale the channels between two layers so that both use their range
bias_correction           after: take out of the biases what rounding the weights added on average
"""

from __future__ import annotations

from qcore.quantizer.corrections.bias_correction import correct_biases
from qcore.quantizer.corrections.cross_layer_equalization import equalize

__all__ = ["correct_biases", "equalize"]
