from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore.interpreter import Interpreter
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, SkipGramOptions

LETTERS = st.sampled_from([b"a", b"b", b"cd", b" ", b" ", b"\t", b"\n", b"\x00", b"\xff"])


def model(sentence: bytes, **options: Any) -> OneOp:
    x = np.empty(1, object)
    x[0] = sentence
    return OneOp(BuiltinOperator.SKIP_GRAM, [Operand(x)], [Result(object)], SkipGramOptions(**options))


@st.composite
def skip_gram(draw: st.DrawFn) -> OneOp:
    sentence = b"".join(draw(st.lists(LETTERS, min_size=1, max_size=12))) + b" a b"
    return model(
        sentence,
        ngram_size=draw(st.integers(1, 3)),
        max_skip_size=draw(st.integers(0, 3)),
        include_all_ngrams=draw(st.booleans()),
    )


CASES = {"string": skip_gram()}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    case = model(b"a b c", ngram_size=2, max_skip_size=1, include_all_ngrams=True)
    grams = Interpreter(case.model()).run(case.feeds())[0]
    assert grams.tolist() == [b"a b", b"a c", b"a", b"b c", b"b", b"c"]
    assert check(case) == 6


def test_refusals() -> None:
    refused(model(b"a b", ngram_size=0), "ngram_size 0 is outside", theirs=False)
    refused(model(b"a b", ngram_size=2, max_skip_size=-1), "must not be negative", theirs=False)
    long = b" ".join([b"w"] * 2000)
    refused(model(long, ngram_size=3, max_skip_size=1000), "more than 1000000 grams", theirs=False)
