"""SKIP_GRAM: the n-grams of a sentence's words, some words between them left out.

Words are what stands between white space; a first word behind white space is lost, unless it is the only one. A gram
takes up to `ngram_size` words in order (exactly so many, unless include_all_ngrams), with at most `max_skip_size` words
left out between neighbours. Of grams that begin alike the longer ones come first.

TFLite: kernels/skip_gram.cc
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qcore.errors import ModelError
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts, require_same_type
from tflite_schema import SkipGramOptions

_SPACE = b" \t\n\v\f\r"
_MOST_GRAMS = 1_000_000
_MOST_WORDS = 100


@dataclass(frozen=True, slots=True)
class Params:
    """How many words a gram has, how many it may skip between two, whether shorter grams count, and the place."""

    ngram_size: int
    max_skip_size: int
    include_all_ngrams: bool
    place: str


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 1)
    return [None]


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.output())
    options = n.options(SkipGramOptions)
    size = options.ngram_size
    n.require(0 < size <= _MOST_WORDS, f"ngram_size {size} is outside [1, {_MOST_WORDS}]")
    n.require(options.max_skip_size >= 0, f"max_skip_size {options.max_skip_size} must not be negative")
    return Params(options.ngram_size, options.max_skip_size, options.include_all_ngrams, n.place)


def words_of(sentence: bytes) -> list[bytes]:
    """The words, as TFLite tells them apart."""
    words, start = [], 0
    for i in range(1, len(sentence)):
        if sentence[i] in _SPACE:
            if i > start and sentence[start] not in _SPACE:
                words.append(sentence[start:i])
            start = i + 1
    return [*words, sentence[start:]] if len(sentence) > start else words


def grams(p: Params, words: list[bytes]) -> Iterator[bytes]:
    """Depth first: every gram after the longer ones that begin with it."""

    def grow(chosen: list[int]) -> Iterator[bytes]:
        if len(chosen) < p.ngram_size:
            first = chosen[-1] + 1
            missing = 0 if p.include_all_ngrams else p.ngram_size - len(chosen) - 1
            for word in range(first, min(first + p.max_skip_size + 1, len(words) - missing)):
                yield from grow([*chosen, word])
        if len(chosen) == p.ngram_size or p.include_all_ngrams:
            yield b" ".join(words[word] for word in chosen)

    for word in range(len(words) - (0 if p.include_all_ngrams else p.ngram_size - 1)):
        yield from grow([word])


def eval_string(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    sentence = inputs[0].reshape(-1)
    words = words_of(sentence[0]) if sentence.size else []
    found: list[bytes] = []
    for gram in grams(p, words) if len(words) >= p.ngram_size else ():
        found.append(gram)
        if len(found) > _MOST_GRAMS:
            raise ModelError(f"{p.place}: more than {_MOST_GRAMS} grams of {len(words)} words")
    y = np.empty(len(found), object)
    y[:] = found
    return [y]


OP = Op(infer=infer, prepare=prepare, kernels={"string": eval_string})
