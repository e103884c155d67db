"""What quantization costs, operator by operator and cause by cause, measured with data and the float model.

accountant  the ledger of a model: `account(quantized, float_model, samples)`
alignment   which operator of one model stands for which of the other
stepper     operators run one at a time
sample      one sample run by both models
causes      an operator's error taken apart
tally       the sums over samples
entry       a line of the ledger
effects     what each operator's error does to the outputs
runtimes    which results differ between TFLite's kernels
layer_statistics  the columns of TensorFlow's QuantizationDebugger
islands     an operator in float, or its result in int16, as a model
regain      what the worst operators give back in islands
"""

from __future__ import annotations

from qcore.auditor.ledger.accountant import Ledger, account
from qcore.auditor.ledger.entry import Cause, Effect, Entry, Gain, Seen
from qcore.auditor.ledger.islands import float_island, int16_island
from qcore.auditor.ledger.layer_statistics import LayerRow
from qcore.auditor.ledger.regain import Regained

__all__ = [
    "Cause",
    "Effect",
    "Entry",
    "Gain",
    "LayerRow",
    "Ledger",
    "Regained",
    "Seen",
    "account",
    "float_island",
    "int16_island",
]
