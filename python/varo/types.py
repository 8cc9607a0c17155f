# SPDX-License-Identifier: Apache-2.0
"""Element types, interpolation kinds and constants, under the names of DALI's types module."""

from __future__ import annotations

from typing import NamedTuple

from ._dtypes import DALIDataType, DALIInterpType, NamedInt, to_dali_type, to_numpy_type
from ._graph.constants import Constant, ScalarConstant

NO_TYPE = DALIDataType.NO_TYPE
UINT8 = DALIDataType.UINT8
UINT16 = DALIDataType.UINT16
UINT32 = DALIDataType.UINT32
UINT64 = DALIDataType.UINT64
INT8 = DALIDataType.INT8
INT16 = DALIDataType.INT16
INT32 = DALIDataType.INT32
INT64 = DALIDataType.INT64
FLOAT16 = DALIDataType.FLOAT16
FLOAT = DALIDataType.FLOAT
FLOAT64 = DALIDataType.FLOAT64
BOOL = DALIDataType.BOOL
STRING = DALIDataType.STRING

INTERP_NN = DALIInterpType.INTERP_NN
INTERP_LINEAR = DALIInterpType.INTERP_LINEAR
INTERP_CUBIC = DALIInterpType.INTERP_CUBIC
INTERP_LANCZOS3 = DALIInterpType.INTERP_LANCZOS3
INTERP_TRIANGULAR = DALIInterpType.INTERP_TRIANGULAR
INTERP_GAUSSIAN = DALIInterpType.INTERP_GAUSSIAN
INTERP_BSPLINE = DALIInterpType.INTERP_BSPLINE

CPU_ONLY_DEVICE_ID = -99999


class DALIImageType(NamedInt):
    RGB = 0
    BGR = 1
    GRAY = 2
    YCbCr = 3
    ANY_DATA = 4


RGB = DALIImageType.RGB
BGR = DALIImageType.BGR
GRAY = DALIImageType.GRAY
YCbCr = DALIImageType.YCbCr
ANY_DATA = DALIImageType.ANY_DATA


class PipelineAPIType(NamedInt):
    BASIC = 0
    ITERATOR = 1
    SCHEDULED = 2


class TensorLayout(str):
    """Axis letters; a str."""


class SampleInfo(NamedTuple):
    """What a per-sample callback of external_source is told."""

    idx_in_epoch: int
    idx_in_batch: int
    iteration: int
    epoch_idx: int


class BatchInfo(NamedTuple):
    """What a per-batch callback of external_source is told."""

    iteration: int
    epoch_idx: int


__all__ = ["BatchInfo", "CPU_ONLY_DEVICE_ID", "Constant", "DALIDataType", "DALIImageType", "DALIInterpType", "PipelineAPIType",
           "SampleInfo", "ScalarConstant", "TensorLayout", "to_dali_type", "to_numpy_type", "NO_TYPE", "UINT8",
           "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FLOAT16", "FLOAT", "FLOAT64", "BOOL",
           "STRING", "INTERP_NN", "INTERP_LINEAR", "INTERP_CUBIC", "INTERP_LANCZOS3", "INTERP_TRIANGULAR",
           "INTERP_GAUSSIAN", "INTERP_BSPLINE", "RGB", "BGR", "GRAY", "YCbCr", "ANY_DATA"]
