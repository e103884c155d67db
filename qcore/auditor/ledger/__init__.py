"""What quantization costs, operator by operator and cause by cause, measured with data and the float model.

accountant  the ledger of a model: `account(quantized, float_model, samples)`
alignment   which operator of one model stands for which of the other
stepper     operators run one at a time
sample      one sample run by both models
causes      an operator's error taken apart
tally       the sums over samples
entry       a line of the ledger
"""

from __future__ import annotations

from qcore.auditor.ledger.accountant import Ledger, account
from qcore.auditor.ledger.entry import Cause, Effect, Entry, Seen

__all__ = ["Cause", "Effect", "Entry", "Ledger", "Seen", "account"]
