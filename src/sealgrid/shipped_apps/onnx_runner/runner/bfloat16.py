"""Packs float32 into bfloat16, which NumPy has not, and back: its bits are the upper half of a float32's."""

import ctypes

import numpy as np
import onnxruntime

ONNX_TYPE = 16  #: TensorProto.DataType.BFLOAT16
_QUIET_NAN = 0x7FC0


def to_ort(array: np.ndarray) -> onnxruntime.OrtValue:
    """Return a float32 array as bfloat16, rounded to the nearest, ties to even."""
    bits = np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    packed = np.where(np.isnan(array), np.uint16(_QUIET_NAN), rounded).reshape(array.shape)
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(packed, ONNX_TYPE)


def from_ort(value: onnxruntime.OrtValue) -> np.ndarray:
    """Return a bfloat16 tensor as float32, exactly."""
    shape = tuple(value.shape())
    size = int(np.prod(shape, dtype=np.int64))
    raw = ctypes.string_at(value.data_ptr(), 2 * size) if size else b""
    return (np.frombuffer(raw, dtype=np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(shape)
