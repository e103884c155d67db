# ruff: noqa: D101 - what a table means is said in schema.fbs and by the operators that use it
"""Every table of the TensorFlow Lite schema, each field in slot order, spelled as in schema.fbs.

One line is one slot, so a union takes two lines: the tag that says which table follows, and the table.
Only `Model.appended` is no slot: it is what follows the flatbuffer, such as the ZIP archive of TFLite metadata.
A line deleted or moved changes the file format; deprecated fields keep their line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tflite_schema.enums import (
    ActivationFunctionType,
    BuiltinOperator,
    BuiltinOptions,
    BuiltinOptions2,
    CombinerType,
    CustomOptionsFormat,
    DimensionType,
    FullyConnectedOptionsWeightsFormat,
    LSHProjectionType,
    LSTMKernelType,
    MirrorPadMode,
    Padding,
    QuantizationDetails,
    ReduceWindowFunction,
    RngAlgorithm,
    SparseIndexVector,
    StablehloComparisonDirection,
    StablehloComparisonType,
    TensorType,
)
from tflite_schema.table import (
    Table,
    appended,
    boolean,
    float32,
    int8,
    int32,
    int64,
    string,
    table,
    tables,
    uint32,
    uint64,
    union,
    union_type,
    vector,
)

if TYPE_CHECKING:
    from tflite_schema.table import Follows, Tables, Vector

__all__ = [
    "ATan2Options",
    "AbsOptions",
    "AddNOptions",
    "AddOptions",
    "ArgMaxOptions",
    "ArgMinOptions",
    "AssignVariableOptions",
    "BatchMatMulOptions",
    "BatchToSpaceNDOptions",
    "BidirectionalSequenceLSTMOptions",
    "BidirectionalSequenceRNNOptions",
    "BitcastOptions",
    "BitwiseXorOptions",
    "BlockwiseQuantization",
    "BroadcastToOptions",
    "BucketizeOptions",
    "Buffer",
    "CallOnceOptions",
    "CallOptions",
    "CastOptions",
    "ConcatEmbeddingsOptions",
    "ConcatenationOptions",
    "Conv2DOptions",
    "Conv3DOptions",
    "CosOptions",
    "CumsumOptions",
    "CustomQuantization",
    "DensifyOptions",
    "DepthToSpaceOptions",
    "DepthwiseConv2DOptions",
    "DequantizeOptions",
    "DilateOptions",
    "DimensionMetadata",
    "DivOptions",
    "DynamicUpdateSliceOptions",
    "EmbeddingLookupSparseOptions",
    "EqualOptions",
    "ExpOptions",
    "ExpandDimsOptions",
    "ExternalBuffer",
    "ExternalBufferGroup",
    "FakeQuantOptions",
    "FillOptions",
    "FloorDivOptions",
    "FloorModOptions",
    "FullyConnectedOptions",
    "GatherNdOptions",
    "GatherOptions",
    "GeluOptions",
    "GreaterEqualOptions",
    "GreaterOptions",
    "HardSwishOptions",
    "HashtableFindOptions",
    "HashtableImportOptions",
    "HashtableOptions",
    "HashtableSizeOptions",
    "IfOptions",
    "Int32Vector",
    "L2NormOptions",
    "LSHProjectionOptions",
    "LSTMOptions",
    "LeakyReluOptions",
    "LessEqualOptions",
    "LessOptions",
    "LocalResponseNormalizationOptions",
    "LogSoftmaxOptions",
    "LogicalAndOptions",
    "LogicalNotOptions",
    "LogicalOrOptions",
    "MatrixDiagOptions",
    "MatrixSetDiagOptions",
    "MaximumMinimumOptions",
    "Metadata",
    "MirrorPadOptions",
    "Model",
    "MulOptions",
    "MultiAxisQuantization",
    "NegOptions",
    "NonMaxSuppressionV4Options",
    "NonMaxSuppressionV5Options",
    "NotEqualOptions",
    "OneHotOptions",
    "Operator",
    "OperatorCode",
    "PackOptions",
    "PadOptions",
    "PadV2Options",
    "Pool2DOptions",
    "PowOptions",
    "QuantizationParameters",
    "QuantizeOptions",
    "RNNOptions",
    "RandomOptions",
    "RangeOptions",
    "RankOptions",
    "ReadVariableOptions",
    "ReduceWindowOptions",
    "ReducerOptions",
    "ReshapeOptions",
    "ResizeBilinearOptions",
    "ResizeNearestNeighborOptions",
    "ReverseSequenceOptions",
    "ReverseV2Options",
    "Rfft2dOptions",
    "RightShiftOptions",
    "SVDFOptions",
    "ScatterNdOptions",
    "SegmentSumOptions",
    "SelectOptions",
    "SelectV2Options",
    "SequenceRNNOptions",
    "ShapeOptions",
    "SignOptions",
    "SignatureDef",
    "SkipGramOptions",
    "SliceOptions",
    "SoftmaxOptions",
    "SpaceToBatchNDOptions",
    "SpaceToDepthOptions",
    "SparseToDenseOptions",
    "SparsityParameters",
    "SplitOptions",
    "SplitVOptions",
    "SquareOptions",
    "SquaredDifferenceOptions",
    "SqueezeOptions",
    "StableHLOCompositeOptions",
    "StablehloBroadcastInDimOptions",
    "StablehloCaseOptions",
    "StablehloCompareOptions",
    "StablehloConcatenateOptions",
    "StablehloConvolutionOptions",
    "StablehloCustomCallOptions",
    "StablehloDotGeneralOptions",
    "StablehloDynamicSliceOptions",
    "StablehloGatherOptions",
    "StablehloIotaOptions",
    "StablehloPadOptions",
    "StablehloReduceOptions",
    "StablehloReduceWindowOptions",
    "StablehloRngBitGeneratorOptions",
    "StablehloScatterOptions",
    "StablehloShiftLeftOptions",
    "StablehloSliceOptions",
    "StablehloSortOptions",
    "StablehloTransposeOptions",
    "StablehloWhileOptions",
    "StridedSliceOptions",
    "SubGraph",
    "SubOptions",
    "Tensor",
    "TensorMap",
    "TileOptions",
    "TopKV2Options",
    "TransposeConvOptions",
    "TransposeOptions",
    "Uint8Vector",
    "Uint16Vector",
    "UnidirectionalSequenceLSTMOptions",
    "UniqueOptions",
    "UnpackOptions",
    "UnsortedSegmentMaxOptions",
    "UnsortedSegmentMinOptions",
    "UnsortedSegmentProdOptions",
    "UnsortedSegmentSumOptions",
    "VarHandleOptions",
    "VariantSubType",
    "WhereOptions",
    "WhileOptions",
    "ZerosLikeOptions",
]


class CustomQuantization(Table):
    custom: Vector[np.uint8] = vector(np.uint8, align=16)


class BlockwiseQuantization(Table):
    scales: int = int32()
    zero_points: int = int32()
    block_size: int = int32()
    block_shape: Vector[np.int32] = vector(np.int32)


class MultiAxisQuantization(Table):
    scales: int = int32()
    zero_points: int = int32()
    block_size: int = int32()
    quantized_dimensions: Vector[np.int32] = vector(np.int32)


class QuantizationParameters(Table):
    min: Vector[np.float32] = vector(np.float32)
    max: Vector[np.float32] = vector(np.float32)
    scale: Vector[np.float32] = vector(np.float32)
    zero_point: Vector[np.int64] = vector(np.int64)
    details_type: Follows[QuantizationDetails] = union_type(QuantizationDetails)
    details: Table | None = union()
    quantized_dimension: int = int32()


class Int32Vector(Table):
    values: Vector[np.int32] = vector(np.int32)


class Uint16Vector(Table):
    values: Vector[np.uint16] = vector(np.uint16, align=4)


class Uint8Vector(Table):
    values: Vector[np.uint8] = vector(np.uint8, align=4)


class DimensionMetadata(Table):
    format: DimensionType = int8(DimensionType.DENSE)
    dense_size: int = int32()
    array_segments_type: Follows[SparseIndexVector] = union_type(SparseIndexVector)
    array_segments: Table | None = union()
    array_indices_type: Follows[SparseIndexVector] = union_type(SparseIndexVector)
    array_indices: Table | None = union()


class SparsityParameters(Table):
    traversal_order: Vector[np.int32] = vector(np.int32)
    block_map: Vector[np.int32] = vector(np.int32)
    dim_metadata: Tables[DimensionMetadata] = tables(DimensionMetadata)


class VariantSubType(Table):
    shape: Vector[np.int32] = vector(np.int32)
    type: TensorType = int8(TensorType.FLOAT32)
    has_rank: bool = boolean()


class Tensor(Table):
    shape: Vector[np.int32] = vector(np.int32)
    type: TensorType = int8(TensorType.FLOAT32)
    buffer: int = uint32()
    name: str | None = string()
    quantization: QuantizationParameters | None = table(QuantizationParameters)
    is_variable: bool = boolean()
    sparsity: SparsityParameters | None = table(SparsityParameters)
    shape_signature: Vector[np.int32] = vector(np.int32)
    has_rank: bool = boolean()
    variant_tensors: Tables[VariantSubType] = tables(VariantSubType)
    external_buffer: int = uint32()


class StablehloGatherOptions(Table):
    offset_dims: Vector[np.int64] = vector(np.int64)
    collapsed_slice_dims: Vector[np.int64] = vector(np.int64)
    start_index_map: Vector[np.int64] = vector(np.int64)
    index_vector_dim: int = int64()
    slice_sizes: Vector[np.int64] = vector(np.int64)
    indices_are_sorted: bool = boolean()


class StablehloTransposeOptions(Table):
    permutation: Vector[np.int64] = vector(np.int64)


class StablehloDotGeneralOptions(Table):
    lhs_batching_dimensions: Vector[np.int64] = vector(np.int64)
    rhs_batching_dimensions: Vector[np.int64] = vector(np.int64)
    lhs_contracting_dimensions: Vector[np.int64] = vector(np.int64)
    rhs_contracting_dimensions: Vector[np.int64] = vector(np.int64)
    precision_config: Vector[np.uint32] = vector(np.uint32)


class StablehloReduceWindowOptions(Table):
    window_dimensions: Vector[np.int64] = vector(np.int64)
    window_strides: Vector[np.int64] = vector(np.int64)
    base_dilations: Vector[np.int64] = vector(np.int64)
    window_dilations: Vector[np.int64] = vector(np.int64)
    padding: Vector[np.int64] = vector(np.int64)
    body_subgraph_index: int = int32()


class StablehloWhileOptions(Table):
    cond_subgraph_index: int = int32()
    body_subgraph_index: int = int32()


class StablehloSortOptions(Table):
    dimension: int = int64()
    is_stable: bool = boolean()
    comparator_subgraph_index: int = int32()


class StablehloConcatenateOptions(Table):
    dimension: int = int64()


class StablehloBroadcastInDimOptions(Table):
    broadcast_dimensions: Vector[np.int64] = vector(np.int64)


class StablehloCompareOptions(Table):
    comparison_direction: StablehloComparisonDirection = uint32(
        StablehloComparisonDirection.STABLEHLO_COMPARISON_DIRECTION_EQ
    )
    compare_type: StablehloComparisonType = uint32(StablehloComparisonType.STABLEHLO_COMPARISON_TYPE_NOTYPE)


class StablehloDynamicSliceOptions(Table):
    slice_sizes: Vector[np.int64] = vector(np.int64)


class StablehloPadOptions(Table):
    edge_padding_low: Vector[np.int64] = vector(np.int64)
    edge_padding_high: Vector[np.int64] = vector(np.int64)
    interior_padding: Vector[np.int64] = vector(np.int64)


class StablehloIotaOptions(Table):
    iota_dimension: int = int64()


class StablehloCustomCallOptions(Table):
    call_target_name: str | None = string()
    has_side_effect: bool = boolean()
    backend_config: str | None = string()
    api_version: int = int32()
    called_computations: Vector[np.int32] = vector(np.int32)
    custom_attributes: Vector[np.uint8] = vector(np.uint8)


class StablehloReduceOptions(Table):
    dimensions: Vector[np.int64] = vector(np.int64)
    body_subgraph_index: int = int32()


class StablehloSliceOptions(Table):
    start_indices: Vector[np.int64] = vector(np.int64)
    limit_indices: Vector[np.int64] = vector(np.int64)
    strides: Vector[np.int64] = vector(np.int64)


class StablehloConvolutionOptions(Table):
    window_strides: Vector[np.int64] = vector(np.int64)
    padding: Vector[np.int64] = vector(np.int64)
    lhs_dilation: Vector[np.int64] = vector(np.int64)
    rhs_dilation: Vector[np.int64] = vector(np.int64)
    window_reversal: Vector[np.bool_] = vector(np.bool_)
    input_batch_dimension: int = int64()
    input_feature_dimension: int = int64()
    input_spatial_dimensions: Vector[np.int64] = vector(np.int64)
    kernel_input_feature_dimension: int = int64()
    kernel_output_feature_dimension: int = int64()
    kernel_spatial_dimensions: Vector[np.int64] = vector(np.int64)
    output_batch_dimension: int = int64()
    output_feature_dimension: int = int64()
    output_spatial_dimensions: Vector[np.int64] = vector(np.int64)
    feature_group_count: int = int64()
    batch_group_count: int = int64()
    precision_config: Vector[np.uint32] = vector(np.uint32)


class StablehloScatterOptions(Table):
    indices_are_sorted: bool = boolean()
    update_window_dims: Vector[np.int64] = vector(np.int64)
    inserted_window_dims: Vector[np.int64] = vector(np.int64)
    scatter_dims_to_operand_dims: Vector[np.int64] = vector(np.int64)
    index_vector_dim: int = int64()
    unique_indices: bool = boolean()
    update_computation_subgraph_index: int = int32()


class StablehloCaseOptions(Table):
    branch_subgraph_indices: Vector[np.int32] = vector(np.int32)


class StablehloRngBitGeneratorOptions(Table):
    algorithm: RngAlgorithm = int8(RngAlgorithm.DEFAULT)


class Conv2DOptions(Table):
    padding: Padding = int8(Padding.SAME)
    stride_w: int = int32()
    stride_h: int = int32()
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    dilation_w_factor: int = int32(1)
    dilation_h_factor: int = int32(1)
    quantized_bias_type: TensorType = int8(TensorType.FLOAT32)


class Conv3DOptions(Table):
    padding: Padding = int8(Padding.SAME)
    stride_d: int = int32()
    stride_w: int = int32()
    stride_h: int = int32()
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    dilation_d_factor: int = int32(1)
    dilation_w_factor: int = int32(1)
    dilation_h_factor: int = int32(1)


class Pool2DOptions(Table):
    padding: Padding = int8(Padding.SAME)
    stride_w: int = int32()
    stride_h: int = int32()
    filter_width: int = int32()
    filter_height: int = int32()
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)


class DepthwiseConv2DOptions(Table):
    padding: Padding = int8(Padding.SAME)
    stride_w: int = int32()
    stride_h: int = int32()
    depth_multiplier: int = int32()
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    dilation_w_factor: int = int32(1)
    dilation_h_factor: int = int32(1)


class ConcatEmbeddingsOptions(Table):
    num_channels: int = int32()
    num_columns_per_channel: Vector[np.int32] = vector(np.int32)
    embedding_dim_per_channel: Vector[np.int32] = vector(np.int32)


class LSHProjectionOptions(Table):
    type: LSHProjectionType = int8(LSHProjectionType.UNKNOWN)


class SVDFOptions(Table):
    rank: int = int32()
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    asymmetric_quantize_inputs: bool = boolean()


class RNNOptions(Table):
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    asymmetric_quantize_inputs: bool = boolean()


class SequenceRNNOptions(Table):
    time_major: bool = boolean()
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    asymmetric_quantize_inputs: bool = boolean()


class BidirectionalSequenceRNNOptions(Table):
    time_major: bool = boolean()
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    merge_outputs: bool = boolean()
    asymmetric_quantize_inputs: bool = boolean()


class FullyConnectedOptions(Table):
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    weights_format: FullyConnectedOptionsWeightsFormat = int8(FullyConnectedOptionsWeightsFormat.DEFAULT)
    keep_num_dims: bool = boolean()
    asymmetric_quantize_inputs: bool = boolean()
    quantized_bias_type: TensorType = int8(TensorType.FLOAT32)
    quant_spec: Vector[np.uint8] = vector(np.uint8)


class SoftmaxOptions(Table):
    beta: float = float32()


class ConcatenationOptions(Table):
    axis: int = int32()
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)


class AddOptions(Table):
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    pot_scale_int16: bool = boolean(True)


class MulOptions(Table):
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)


class L2NormOptions(Table):
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)


class LocalResponseNormalizationOptions(Table):
    radius: int = int32()
    bias: float = float32()
    alpha: float = float32()
    beta: float = float32()


class LSTMOptions(Table):
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    cell_clip: float = float32()
    proj_clip: float = float32()
    kernel_type: LSTMKernelType = int8(LSTMKernelType.FULL)
    asymmetric_quantize_inputs: bool = boolean()


class UnidirectionalSequenceLSTMOptions(Table):
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    cell_clip: float = float32()
    proj_clip: float = float32()
    time_major: bool = boolean()
    asymmetric_quantize_inputs: bool = boolean()
    diagonal_recurrent_tensors: bool = boolean()


class BidirectionalSequenceLSTMOptions(Table):
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    cell_clip: float = float32()
    proj_clip: float = float32()
    merge_outputs: bool = boolean()
    time_major: bool = boolean(True)
    asymmetric_quantize_inputs: bool = boolean()


class ResizeBilinearOptions(Table):
    new_height: int = int32(deprecated=True)
    new_width: int = int32(deprecated=True)
    align_corners: bool = boolean()
    half_pixel_centers: bool = boolean()


class ResizeNearestNeighborOptions(Table):
    align_corners: bool = boolean()
    half_pixel_centers: bool = boolean()


class CallOptions(Table):
    subgraph: int = uint32()


class PadOptions(Table):
    pass


class PadV2Options(Table):
    pass


class ReshapeOptions(Table):
    new_shape: Vector[np.int32] = vector(np.int32)


class SpaceToBatchNDOptions(Table):
    pass


class BatchToSpaceNDOptions(Table):
    pass


class SkipGramOptions(Table):
    ngram_size: int = int32()
    max_skip_size: int = int32()
    include_all_ngrams: bool = boolean()


class SpaceToDepthOptions(Table):
    block_size: int = int32()


class DepthToSpaceOptions(Table):
    block_size: int = int32()


class SubOptions(Table):
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    pot_scale_int16: bool = boolean(True)


class DivOptions(Table):
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)


class TopKV2Options(Table):
    pass


class EmbeddingLookupSparseOptions(Table):
    combiner: CombinerType = int8(CombinerType.SUM)


class GatherOptions(Table):
    axis: int = int32()
    batch_dims: int = int32()


class TransposeOptions(Table):
    pass


class ExpOptions(Table):
    pass


class CosOptions(Table):
    pass


class ReducerOptions(Table):
    keep_dims: bool = boolean()


class SqueezeOptions(Table):
    squeeze_dims: Vector[np.int32] = vector(np.int32)


class SplitOptions(Table):
    num_splits: int = int32()


class SplitVOptions(Table):
    num_splits: int = int32()


class StridedSliceOptions(Table):
    begin_mask: int = int32()
    end_mask: int = int32()
    ellipsis_mask: int = int32()
    new_axis_mask: int = int32()
    shrink_axis_mask: int = int32()
    offset: bool = boolean()


class LogSoftmaxOptions(Table):
    pass


class CastOptions(Table):
    in_data_type: TensorType = int8(TensorType.FLOAT32)
    out_data_type: TensorType = int8(TensorType.FLOAT32)


class DequantizeOptions(Table):
    pass


class MaximumMinimumOptions(Table):
    pass


class TileOptions(Table):
    pass


class ArgMaxOptions(Table):
    output_type: TensorType = int8(TensorType.FLOAT32)


class ArgMinOptions(Table):
    output_type: TensorType = int8(TensorType.FLOAT32)


class GreaterOptions(Table):
    pass


class GreaterEqualOptions(Table):
    pass


class LessOptions(Table):
    pass


class LessEqualOptions(Table):
    pass


class NegOptions(Table):
    pass


class SelectOptions(Table):
    pass


class SliceOptions(Table):
    pass


class TransposeConvOptions(Table):
    padding: Padding = int8(Padding.SAME)
    stride_w: int = int32()
    stride_h: int = int32()
    fused_activation_function: ActivationFunctionType = int8(ActivationFunctionType.NONE)
    quantized_bias_type: TensorType = int8(TensorType.FLOAT32)


class ExpandDimsOptions(Table):
    pass


class SparseToDenseOptions(Table):
    validate_indices: bool = boolean()


class EqualOptions(Table):
    pass


class NotEqualOptions(Table):
    pass


class ShapeOptions(Table):
    out_type: TensorType = int8(TensorType.FLOAT32)


class RankOptions(Table):
    pass


class PowOptions(Table):
    pass


class FakeQuantOptions(Table):
    min: float = float32()
    max: float = float32()
    num_bits: int = int32()
    narrow_range: bool = boolean()


class PackOptions(Table):
    values_count: int = int32()
    axis: int = int32()


class LogicalOrOptions(Table):
    pass


class OneHotOptions(Table):
    axis: int = int32()


class AbsOptions(Table):
    pass


class HardSwishOptions(Table):
    pass


class LogicalAndOptions(Table):
    pass


class LogicalNotOptions(Table):
    pass


class UnpackOptions(Table):
    num: int = int32()
    axis: int = int32()


class FloorDivOptions(Table):
    pass


class SquareOptions(Table):
    pass


class ZerosLikeOptions(Table):
    pass


class FillOptions(Table):
    pass


class FloorModOptions(Table):
    pass


class RangeOptions(Table):
    pass


class LeakyReluOptions(Table):
    alpha: float = float32()


class SquaredDifferenceOptions(Table):
    pass


class MirrorPadOptions(Table):
    mode: MirrorPadMode = int8(MirrorPadMode.REFLECT)


class UniqueOptions(Table):
    idx_out_type: TensorType = int8(TensorType.INT32)


class ReverseV2Options(Table):
    pass


class AddNOptions(Table):
    pass


class GatherNdOptions(Table):
    pass


class WhereOptions(Table):
    pass


class ReverseSequenceOptions(Table):
    seq_dim: int = int32()
    batch_dim: int = int32()


class MatrixDiagOptions(Table):
    pass


class QuantizeOptions(Table):
    pass


class MatrixSetDiagOptions(Table):
    pass


class IfOptions(Table):
    then_subgraph_index: int = int32()
    else_subgraph_index: int = int32()


class CallOnceOptions(Table):
    init_subgraph_index: int = int32()


class WhileOptions(Table):
    cond_subgraph_index: int = int32()
    body_subgraph_index: int = int32()


class NonMaxSuppressionV4Options(Table):
    pass


class NonMaxSuppressionV5Options(Table):
    pass


class ScatterNdOptions(Table):
    pass


class SelectV2Options(Table):
    pass


class DensifyOptions(Table):
    pass


class SegmentSumOptions(Table):
    pass


class BatchMatMulOptions(Table):
    adj_x: bool = boolean()
    adj_y: bool = boolean()
    asymmetric_quantize_inputs: bool = boolean()


class CumsumOptions(Table):
    exclusive: bool = boolean()
    reverse: bool = boolean()


class BroadcastToOptions(Table):
    pass


class Rfft2dOptions(Table):
    pass


class HashtableOptions(Table):
    table_id: int = int32()
    key_dtype: TensorType = int8(TensorType.FLOAT32)
    value_dtype: TensorType = int8(TensorType.FLOAT32)


class HashtableFindOptions(Table):
    pass


class HashtableImportOptions(Table):
    pass


class HashtableSizeOptions(Table):
    pass


class VarHandleOptions(Table):
    container: str | None = string()
    shared_name: str | None = string()


class ReadVariableOptions(Table):
    pass


class AssignVariableOptions(Table):
    pass


class RandomOptions(Table):
    seed: int = int64()
    seed2: int = int64()


class BucketizeOptions(Table):
    boundaries: Vector[np.float32] = vector(np.float32)


class GeluOptions(Table):
    approximate: bool = boolean()


class DynamicUpdateSliceOptions(Table):
    pass


class UnsortedSegmentProdOptions(Table):
    pass


class UnsortedSegmentMaxOptions(Table):
    pass


class UnsortedSegmentSumOptions(Table):
    pass


class ATan2Options(Table):
    pass


class UnsortedSegmentMinOptions(Table):
    pass


class SignOptions(Table):
    pass


class BitcastOptions(Table):
    pass


class BitwiseXorOptions(Table):
    pass


class RightShiftOptions(Table):
    pass


class DilateOptions(Table):
    pass


class ReduceWindowOptions(Table):
    reduce_function: ReduceWindowFunction = int32(ReduceWindowFunction.UNSUPPORTED)


class OperatorCode(Table):
    deprecated_builtin_code: int = int8()
    custom_code: str | None = string()
    version: int = int32(1)
    builtin_code: BuiltinOperator = int32(BuiltinOperator.ADD)


class StableHLOCompositeOptions(Table):
    name: str | None = string()
    decomposition_subgraph_index: int = int32()
    composite_attributes: Vector[np.uint8] = vector(np.uint8)
    composite_attributes_format: CustomOptionsFormat = int8(CustomOptionsFormat.FLEXBUFFERS)
    version: int = int32()


class StablehloShiftLeftOptions(Table):
    pass


class Operator(Table):
    opcode_index: int = uint32()
    inputs: Vector[np.int32] = vector(np.int32)
    outputs: Vector[np.int32] = vector(np.int32)
    builtin_options_type: Follows[BuiltinOptions] = union_type(BuiltinOptions)
    builtin_options: Table | None = union()
    custom_options: Vector[np.uint8] = vector(
        np.uint8, outside=("large_custom_options_offset", "large_custom_options_size")
    )
    custom_options_format: CustomOptionsFormat = int8(CustomOptionsFormat.FLEXBUFFERS)
    mutating_variable_inputs: Vector[np.bool_] = vector(np.bool_)
    intermediates: Vector[np.int32] = vector(np.int32)
    large_custom_options_offset: int = uint64()
    large_custom_options_size: int = uint64()
    builtin_options_2_type: Follows[BuiltinOptions2] = union_type(BuiltinOptions2)
    builtin_options_2: Table | None = union()
    debug_metadata_index: int = int32(-1)


class SubGraph(Table):
    tensors: Tables[Tensor] = tables(Tensor)
    inputs: Vector[np.int32] = vector(np.int32)
    outputs: Vector[np.int32] = vector(np.int32)
    operators: Tables[Operator] = tables(Operator)
    name: str | None = string()
    debug_metadata_index: int = int32(-1)


class Buffer(Table):
    data: Vector[np.uint8] = vector(np.uint8, align=16, outside=("offset", "size"))
    offset: int = uint64()
    size: int = uint64()


class ExternalBufferGroup(Table):
    name: str | None = string()


class ExternalBuffer(Table):
    id: int = uint32()
    group: int = uint32()
    offset: int = uint64()
    length: int = uint64()
    packing: str | None = string()


class Metadata(Table):
    name: str | None = string()
    buffer: int = uint32()


class TensorMap(Table):
    name: str | None = string()
    tensor_index: int = uint32()


class SignatureDef(Table):
    inputs: Tables[TensorMap] = tables(TensorMap)
    outputs: Tables[TensorMap] = tables(TensorMap)
    signature_key: str | None = string()
    deprecated_tag: str | None = string(deprecated=True)
    subgraph_index: int = uint32()


class Model(Table):
    version: int = uint32()
    operator_codes: Tables[OperatorCode] = tables(OperatorCode)
    subgraphs: Tables[SubGraph] = tables(SubGraph)
    description: str | None = string()
    buffers: Tables[Buffer] = tables(Buffer)
    metadata_buffer: Vector[np.int32] = vector(np.int32)
    metadata: Tables[Metadata] = tables(Metadata)
    signature_defs: Tables[SignatureDef] = tables(SignatureDef)
    external_buffer_groups: Tables[ExternalBufferGroup] = tables(ExternalBufferGroup)
    external_buffers: Tables[ExternalBuffer] = tables(ExternalBuffer)
    appended: Vector[np.uint8] = appended()
