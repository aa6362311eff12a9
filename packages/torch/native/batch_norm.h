// Batch normalisation in training, float32 on the CPU, channels last: what its fused forms share.
//
// A map [N, C, H, W] is read as rows of `width` floats. Where there are few channels, a row holds several places of one
// image and the statistics are repeated along it, so that inner loops are long enough for vector instructions.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernel.h"
#include "parallel.h"

namespace graft {

// Sums are made in a fixed number of parts, so that the result does not depend on the number of threads; within a
// part in float over this many rows, then in double.
constexpr int64_t kParts = 16;
constexpr int64_t kRun = 64;
constexpr int64_t kWorth = 32768;  // values that are worth a thread

struct Rows {
  int64_t images, perImage, width, channels;
  int64_t count() const { return images * perImage; }
  // Values of one channel.
  int64_t places() const { return count() * (width / channels); }
  // How much a thread should have to do at least: on small maps waiting for a second one takes longer than the work.
  int64_t imagesAThread() const { return std::max<int64_t>(1, kWorth / (perImage * width)); }
  int64_t partsAThread() const { return std::clamp<int64_t>(kParts * kWorth / (count() * width), 1, kParts); }
};

Rows rowsOf(const at::Tensor& map);

// 1 / (1 + exp(−z)) to 2e-7, in a form that becomes vector instructions. exp(−z) = 2ⁿ · 2ᶠ, n whole and f within ± ½: a
// polynomial (Chebyshev nodes, 1e-7) and the bits of n. The reciprocal by Newton's method from a guess at its bits: a
// third of a vector division's time. Beyond −86 and 87, where it is 0 or 1 in float, z stays what it is there.
GRAFT_INLINE float logistic(float z) {
  z = z < -86.0f ? -86.0f : z;
  z = z > 87.0f ? 87.0f : z;
  const float rounding = 12582912.0f;  // 1.5 · 2^23: adding it rounds to a whole number, which is then in the low bits
  const float shifted = z * -1.44269504088896341f + rounding;
  const float f = z * -1.44269504088896341f - (shifted - rounding);
  float p = 1.3390863365e-3f;
  p = p * f + 9.6760319184e-3f;
  p = p * f + 5.5503571142e-2f;
  p = p * f + 2.4022107485e-1f;
  p = p * f + 6.9314718803e-1f;
  p = p * f + 1.0000000755f;
  uint32_t exponent, bits;
  std::memcpy(&exponent, &shifted, sizeof exponent);
  std::memcpy(&bits, &p, sizeof bits);
  bits += exponent << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  const float d = 1.0f + power;
  std::memcpy(&bits, &d, sizeof bits);
  bits = 0x7EF311C7u - bits;  // within 12 %
  float r;
  std::memcpy(&r, &bits, sizeof r);
  r = r * (2.0f - d * r);
  r = r * (2.0f - d * r);
  r = r * (2.0f - d * r);
  return r;
}

// [part][first, second][width] → the sums of each channel.
void foldParts(const Rows& rows, const std::vector<double>& parts, std::vector<double>& first,
               std::vector<double>& second);

// Two sums a channel over all rows: body(begin, end, a, b) adds those of a few rows to a and b, [width] each.
template <typename Body>
void sumInParts(const Rows& rows, std::vector<double>& first, std::vector<double>& second, Body body) {
  const int64_t width = rows.width;
  std::vector<double> parts(2 * kParts * width);
  parallelFor(kParts, rows.partsAThread(), [&](int64_t begin, int64_t end) {
    std::vector<float> run(2 * width);
    for (int64_t part = begin; part < end; part++) {
      double* a = parts.data() + 2 * part * width;
      double* b = a + width;
      const int64_t last = rows.count() * (part + 1) / kParts;
      for (int64_t row = rows.count() * part / kParts; row < last; row += kRun) {
        std::fill(run.begin(), run.end(), 0.0f);
        body(row, std::min(row + kRun, last), run.data(), run.data() + width);
        for (int64_t c = 0; c < width; c++) {
          a[c] += run[c];
          b[c] += run[width + c];
        }
      }
    }
  });
  foldParts(rows, parts, first, second);
}

template <typename Body>
void forRows(const Rows& rows, Body body) {
  parallelFor(rows.count(), std::max<int64_t>(1, kWorth / rows.width), body);
}

// What a batch norm does to a channel: x · scale + shift; along a row, see above.
struct Statistics {
  explicit Statistics(const at::Tensor& tensor)
      : mean(tensor.data_ptr<float>()),
        inverse(mean + tensor.size(1)),
        scale(mean + 2 * tensor.size(1)),
        shift(mean + 3 * tensor.size(1)) {}
  float *mean, *inverse;  // inverse: 1 / √(variance + ε)
  float *scale, *shift;
};

// Of a batch, as a tensor [4, width]; the running statistics are updated.
at::Tensor batchStatistics(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& runningMean, const at::Tensor& runningVar, double momentum, double eps);

// The running statistics, for evaluation.
at::Tensor standingStatistics(const Rows& rows, const at::Tensor& weight, const at::Tensor& bias,
                              const at::Tensor& runningMean, const at::Tensor& runningVar, double eps);

// The second half of the backward pass. From the sums over a channel of dz and of dz · (x − mean), dz the gradient by
// the normalised map: dw, db, and the two means that the gradient by x is made with,
// dx = scale · (dz − sumMean − (x − mean) · productMean).
struct NormGradients {
  NormGradients(const Rows& rows, const at::Tensor& statistics, const std::vector<double>& sum,
                const std::vector<double>& product);
  at::Tensor weight, bias;
  std::vector<float> sumMean, productMean;  // [width]
};

// dz → dx in place.
void finishGradient(const at::Tensor& input, const at::Tensor& statistics, const NormGradients& gradients, float* dz);

bool isChannelsLastFloat(const at::Tensor& map);

}  // namespace graft
