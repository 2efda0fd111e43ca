"""Arithmetic on integers with 16 fractional bits: sums of integers have no rounding, so no order and no CPU matters."""

import numpy as np

from .readings import Integers

BITS = 16
ONE = 1 << BITS

_LOG2_E = 94_548  #: log2(e)
_EXP_BITS = 30
#: Taylor coefficients of 2^-f with 30 fractional bits, from the sixth power down; the error is below 2^-16
_EXP_TERMS = (165_394, -1_431_680, 10_327_387, -59_597_083, 257_941_248, -744_261_118, 1_073_741_824)


def to_fixed(real: np.ndarray) -> Integers:
    """Return real numbers as integers, rounded half to even."""
    fixed: Integers = np.rint(real.astype(np.float64) * ONE).astype(np.int64)
    return fixed


def rescale(product: Integers) -> Integers:
    """Return a product of two numbers, which has 32 fractional bits, with 16; rounded half up."""
    rescaled: Integers = (product + (ONE >> 1)) >> BITS
    return rescaled


def exp_negative(exponent: Integers) -> Integers:
    """Return e^-x of x >= 0, with 30 fractional bits."""
    power = rescale(np.minimum(exponent, 64 << BITS) * _LOG2_E)
    fraction = power & (ONE - 1)
    value = np.full_like(power, _EXP_TERMS[0])
    for term in _EXP_TERMS[1:]:
        value = term + ((value * fraction) >> BITS)
    result: Integers = value >> np.minimum(power >> BITS, 62)
    return result


def softmax(scores: Integers, usable: np.ndarray) -> Integers:
    """Return weights over the last axis that sum to about 1; what is not usable has the weight 0.

    All weights are 0 where nothing is usable.
    """
    highest = np.where(usable, scores, np.iinfo(np.int64).min >> 1).max(axis=-1, keepdims=True)
    powers = np.where(usable, exp_negative(np.where(usable, highest - scores, 0)), 0)
    total = np.maximum(powers.sum(axis=-1, keepdims=True), 1)
    weights: Integers = (powers << BITS) // total
    return weights
