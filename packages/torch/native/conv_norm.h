// The convolutions that evaluation fuses with the batch norm behind them, on channels-last float32 maps.
#pragma once

#include <cstdint>

namespace graft {

// What becomes of a sum over a convolution's inputs: activation(sum · scale + shift) + skip.
struct Ending {
  const float *scale, *shift;  // [channels]
  const float* skip;           // like the output, or null
  float* out;
};

// A map of rows [rows, depth] by a weight [channels, depth] → [rows, channels].
struct PointwiseShape {
  int64_t rows, depth, channels;
};
template <typename Activation>
void pointwise(const float* input, const float* weight, const PointwiseShape& shape, const Ending& ending);

// [images, height, width, channels] → [images, outHeight, outWidth, channels]; kernel 3 or 5.
struct DepthwiseShape {
  int64_t images, channels, height, width, outHeight, outWidth, kernel, stride, top, left;
};
// Weight [channels, kernel, kernel].
template <typename Activation>
void depthwise(const float* input, const float* weight, const DepthwiseShape& shape, const Ending& ending);

}  // namespace graft
