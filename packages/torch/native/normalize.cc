// From stored pixels, or shares of 1, to what a network takes: (x − mean) / deviation of each colour, or of grey, in
// channels-last memory, in one pass. In tensor operations it is five, each over memory of its own.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "kernel.h"
#include "parallel.h"

namespace graft {
namespace {

constexpr int64_t kGrain = 16384;  // pixels

// @param top what the values are divided by
template <typename Value>
GRAFT_INLINE void interleave(const Value* __restrict red, const Value* __restrict green, const Value* __restrict blue,
                             int64_t count, float top, const float* __restrict mean, const float* __restrict deviation,
                             float* __restrict out) {
  const float m0 = mean[0], m1 = mean[1], m2 = mean[2], d0 = deviation[0], d1 = deviation[1], d2 = deviation[2];
  for (int64_t i = 0; i < count; i++) {
    out[3 * i] = (static_cast<float>(red[i]) / top - m0) / d0;
    out[3 * i + 1] = (static_cast<float>(green[i]) / top - m1) / d1;
    out[3 * i + 2] = (static_cast<float>(blue[i]) / top - m2) / d2;
  }
}

template <typename Value>
GRAFT_INLINE void shift(const Value* __restrict grey, int64_t count, float top, float mean, float deviation,
                        float* __restrict out) {
  for (int64_t i = 0; i < count; i++) out[i] = (static_cast<float>(grey[i]) / top - mean) / deviation;
}

GRAFT_KERNEL void greyFromFloats(const float* pixels, int64_t, int64_t count, const float* mean,
                                 const float* deviation, float* out) {
  shift(pixels, count, 1.0f, mean[0], deviation[0], out);
}

GRAFT_KERNEL void greyFromBytes(const uint8_t* pixels, int64_t, int64_t count, const float* mean,
                                const float* deviation, float* out) {
  shift(pixels, count, 255.0f, mean[0], deviation[0], out);
}

GRAFT_KERNEL void fromFloats(const float* pixels, int64_t area, int64_t count, const float* mean,
                             const float* deviation, float* out) {
  interleave(pixels, pixels + area, pixels + 2 * area, count, 1.0f, mean, deviation, out);
}

GRAFT_KERNEL void fromBytes(const uint8_t* pixels, int64_t area, int64_t count, const float* mean,
                            const float* deviation, float* out) {
  interleave(pixels, pixels + area, pixels + 2 * area, count, 255.0f, mean, deviation, out);
}

template <typename Value, typename Kernel>
void normalizeAll(const at::Tensor& images, const std::vector<float>& statistics, float* out, Kernel kernel) {
  const int64_t colours = images.size(1), area = images.size(2) * images.size(3);
  const Value* pixels = images.data_ptr<Value>();
  // Parts of a picture too, so that a single large one has all threads.
  const int64_t parts = (area + kGrain - 1) / kGrain;
  parallelFor(images.size(0) * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      const int64_t image = part / parts, first = part % parts * kGrain;
      kernel(pixels + colours * area * image + first, area, std::min(kGrain, area - first), statistics.data(),
             statistics.data() + colours, out + colours * (area * image + first));
    }
  });
}

at::Tensor normalize(const at::Tensor& images, at::ArrayRef<double> mean, at::ArrayRef<double> deviation) {
  const bool isBytes = images.scalar_type() == at::kByte;
  TORCH_CHECK(images.dim() == 4 && (images.size(1) == 3 || images.size(1) == 1) &&
                  (isBytes || images.scalar_type() == at::kFloat),
              "normalize: expected uint8 or float32 images [N, 3 or 1, H, W], got ", images.scalar_type(), " ",
              images.sizes());
  const auto colours = static_cast<size_t>(images.size(1));
  TORCH_CHECK(mean.size() == colours && deviation.size() == colours, "normalize: ", colours, " means and deviations");
  std::vector<float> statistics(mean.begin(), mean.end());
  statistics.insert(statistics.end(), deviation.begin(), deviation.end());
  at::Tensor result =
      at::empty(images.sizes(), images.options().dtype(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
  float* out = result.data_ptr<float>();
  const bool isGrey = colours == 1;
  if (isBytes) normalizeAll<uint8_t>(images.contiguous(), statistics, out, isGrey ? greyFromBytes : fromBytes);
  else normalizeAll<float>(images.contiguous(), statistics, out, isGrey ? greyFromFloats : fromFloats);
  return result;
}

}  // namespace

// Images [N, 3 or 1, H, W] on the CPU, uint8 or float32 in [0, 1] → float32, channels last. Not differentiable.
TORCH_LIBRARY_FRAGMENT(graft, library) {
  library.def("normalize(Tensor images, float[] mean, float[] deviation) -> Tensor");
}
TORCH_LIBRARY_IMPL(graft, CPU, library) { library.impl("normalize", normalize); }

}  // namespace graft
