// Batch normalisation followed by SiLU, z · sigmoid(z), as one operator: EfficientNet does the pair after nearly every
// convolution. Apart they go over the feature map six times forward and eight times backward; together three and
// five, and the normalised map need not be kept for the backward pass. CPU, float32, channels last; in all other
// cases it is libtorch's two operators.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/silu.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "kernel.h"

namespace graft {
namespace {

// Sums are made in a fixed number of parts, so that the result does not depend on the number of threads; within a
// part in float over this many rows, then in double.
constexpr int64_t kParts = 16;
constexpr int64_t kRun = 64;

// exp to 2e-7 relative (Cephes' polynomial), in a form that vectorises.
GRAFT_INLINE float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float magic = 12582912.0f;  // 1.5 · 2^23: adding it rounds to an integer
  const float n = (x * 1.44269504088896341f + magic) - magic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

// Sums of (x − pivot) and its square for each channel over rows [begin, end).
GRAFT_KERNEL void sumRows(const float* __restrict x, const float* __restrict pivot, int64_t begin, int64_t end,
                          int64_t channels, float* __restrict sum, float* __restrict squares) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * channels;
    for (int64_t c = 0; c < channels; c++) {
      const float d = v[c] - pivot[c];
      sum[c] += d;
      squares[c] += d * d;
    }
  }
}

// y = silu(x · scale + shift)
GRAFT_KERNEL void applyRows(const float* __restrict x, const float* __restrict scale, const float* __restrict shift,
                            int64_t begin, int64_t end, int64_t channels, float* __restrict y) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * channels;
    float* out = y + row * channels;
    for (int64_t c = 0; c < channels; c++) {
      const float z = v[c] * scale[c] + shift[c];
      out[c] = z / (1.0f + exponential(-z));
    }
  }
}

// dz = dy · silu'(z), and its sums with 1 and with x − mean.
GRAFT_KERNEL void gradientRows(const float* __restrict x, const float* __restrict dy, const float* __restrict scale,
                               const float* __restrict shift, const float* __restrict mean, int64_t begin, int64_t end,
                               int64_t channels, float* __restrict dz, float* __restrict sum,
                               float* __restrict product) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * channels;
    const float* g = dy + row * channels;
    float* out = dz + row * channels;
    for (int64_t c = 0; c < channels; c++) {
      const float z = v[c] * scale[c] + shift[c];
      const float s = 1.0f / (1.0f + exponential(-z));
      const float d = g[c] * s * (1.0f + z * (1.0f - s));
      out[c] = d;
      sum[c] += d;
      product[c] += d * (v[c] - mean[c]);
    }
  }
}

// dx = scale · (dz − sumMean − (x − mean) · productMean), in place of dz.
GRAFT_KERNEL void finishRows(const float* __restrict x, const float* __restrict scale, const float* __restrict mean,
                             const float* __restrict sumMean, const float* __restrict productMean, int64_t begin,
                             int64_t end, int64_t channels, float* __restrict dz) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * channels;
    float* out = dz + row * channels;
    for (int64_t c = 0; c < channels; c++)
      out[c] = scale[c] * (out[c] - sumMean[c] - (v[c] - mean[c]) * productMean[c]);
  }
}

// Two sums a channel over all rows: body(begin, end, a, b) adds those of a few rows to a and b.
template <typename Body>
void sumInParts(int64_t rows, int64_t channels, std::vector<double>& first, std::vector<double>& second, Body body) {
  std::vector<double> parts(2 * kParts * channels);
  at::parallel_for(0, kParts, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> run(2 * channels);
    for (int64_t part = begin; part < end; part++) {
      double* a = parts.data() + 2 * part * channels;
      double* b = a + channels;
      const int64_t last = rows * (part + 1) / kParts;
      for (int64_t row = rows * part / kParts; row < last; row += kRun) {
        std::fill(run.begin(), run.end(), 0.0f);
        body(row, std::min(row + kRun, last), run.data(), run.data() + channels);
        for (int64_t c = 0; c < channels; c++) {
          a[c] += run[c];
          b[c] += run[channels + c];
        }
      }
    }
  });
  first.assign(channels, 0.0);
  second.assign(channels, 0.0);
  for (int64_t part = 0; part < kParts; part++)
    for (int64_t c = 0; c < channels; c++) {
      first[c] += parts[2 * part * channels + c];
      second[c] += parts[(2 * part + 1) * channels + c];
    }
}

void forRows(int64_t rows, int64_t channels, const std::function<void(int64_t, int64_t)>& body) {
  at::parallel_for(0, rows, std::max<int64_t>(1, 16384 / channels), body);
}

struct BatchNormSilu : torch::autograd::Function<BatchNormSilu> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& runningMean, const at::Tensor& runningVar,
                            double momentum, double eps) {
    at::AutoDispatchBelowADInplaceOrView below;
    const int64_t channels = input.size(1);
    const int64_t rows = input.numel() / channels;
    const float* x = input.data_ptr<float>();
    std::vector<double> sum, squares;
    sumInParts(rows, channels, sum, squares, [&](int64_t begin, int64_t end, float* a, float* b) {
      sumRows(x, x, begin, end, channels, a, b);  // the first row is the pivot: sums of squares stay small
    });
    // Of each channel: mean, 1/deviation, scale, shift.
    at::Tensor statistics = at::empty({4, channels}, input.options().memory_format(at::MemoryFormat::Contiguous));
    float* mean = statistics.data_ptr<float>();
    float *inverse = mean + channels, *scale = mean + 2 * channels, *shift = mean + 3 * channels;
    const float *w = weight.data_ptr<float>(), *b = bias.data_ptr<float>();
    float *rm = runningMean.data_ptr<float>(), *rv = runningVar.data_ptr<float>();
    const double unbiased = rows > 1 ? static_cast<double>(rows) / (rows - 1) : 1.0;
    for (int64_t c = 0; c < channels; c++) {
      const double offset = sum[c] / rows;
      const double variance = std::max(0.0, squares[c] / rows - offset * offset);
      mean[c] = static_cast<float>(x[c] + offset);
      inverse[c] = static_cast<float>(1.0 / std::sqrt(variance + eps));
      scale[c] = w[c] * inverse[c];
      shift[c] = b[c] - mean[c] * scale[c];
      rm[c] = static_cast<float>((1 - momentum) * rm[c] + momentum * mean[c]);
      rv[c] = static_cast<float>((1 - momentum) * rv[c] + momentum * variance * unbiased);
    }
    at::Tensor output = at::empty_like(input);
    float* y = output.data_ptr<float>();
    forRows(rows, channels,
            [&](int64_t begin, int64_t end) { applyRows(x, scale, shift, begin, end, channels, y); });
    context->save_for_backward({input, statistics});
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(),
                "batch_norm_silu cannot be differentiated twice; use batch_norm and silu");
    const auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &statistics = saved[1];
    const int64_t channels = input.size(1);
    const int64_t rows = input.numel() / channels;
    const at::Tensor outer = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor result = at::empty_like(input);
    const float *x = input.data_ptr<float>(), *dy = outer.data_ptr<float>();
    const float* mean = statistics.data_ptr<float>();
    const float *inverse = mean + channels, *scale = mean + 2 * channels, *shift = mean + 3 * channels;
    float* dz = result.data_ptr<float>();
    std::vector<double> sum, product;
    sumInParts(rows, channels, sum, product, [&](int64_t begin, int64_t end, float* a, float* b) {
      gradientRows(x, dy, scale, shift, mean, begin, end, channels, dz, a, b);
    });
    at::Tensor weightGradient = at::empty({channels}, statistics.options());
    at::Tensor biasGradient = at::empty({channels}, statistics.options());
    float *dw = weightGradient.data_ptr<float>(), *db = biasGradient.data_ptr<float>();
    std::vector<float> sumMean(channels), productMean(channels);
    for (int64_t c = 0; c < channels; c++) {
      dw[c] = static_cast<float>(product[c] * inverse[c]);
      db[c] = static_cast<float>(sum[c]);
      sumMean[c] = static_cast<float>(sum[c] / rows);
      productMean[c] = static_cast<float>(product[c] / rows * inverse[c] * inverse[c]);
    }
    forRows(rows, channels, [&](int64_t begin, int64_t end) {
      finishRows(x, scale, mean, sumMean.data(), productMean.data(), begin, end, channels, dz);
    });
    return {result, weightGradient, biasGradient, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

// With running statistics there is nothing to sum: one pass. For evaluation, without gradients.
at::Tensor evaluate(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                    const at::Tensor& runningMean, const at::Tensor& runningVar, double eps) {
  const int64_t channels = input.size(1);
  std::vector<float> scale(channels), shift(channels);
  const float *w = weight.data_ptr<float>(), *b = bias.data_ptr<float>();
  const float *mean = runningMean.data_ptr<float>(), *variance = runningVar.data_ptr<float>();
  for (int64_t c = 0; c < channels; c++) {
    scale[c] = static_cast<float>(w[c] / std::sqrt(static_cast<double>(variance[c]) + eps));
    shift[c] = b[c] - mean[c] * scale[c];
  }
  at::Tensor output = at::empty_like(input);
  const float* x = input.data_ptr<float>();
  float* y = output.data_ptr<float>();
  forRows(input.numel() / channels, channels, [&](int64_t begin, int64_t end) {
    applyRows(x, scale.data(), shift.data(), begin, end, channels, y);
  });
  return output;
}

bool isFastCase(const at::Tensor& input, const at::Tensor& weight) {
  return input.device().is_cpu() && input.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat &&
         input.dim() == 4 && input.numel() > 0 && input.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor batchNormSilu(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                         const at::Tensor& runningMean, const at::Tensor& runningVar, bool training, double momentum,
                         double eps) {
  if (isFastCase(input, weight)) {
    if (training) return BatchNormSilu::apply(input, weight, bias, runningMean, runningVar, momentum, eps);
    if (!at::GradMode::is_enabled()) {
      at::AutoDispatchBelowADInplaceOrView below;
      return evaluate(input, weight, bias, runningMean, runningVar, eps);
    }
  }
  return at::silu(at::batch_norm(input, weight, bias, runningMean, runningVar, training, momentum, eps, false));
}

}  // namespace

// Input [N, C, H, W]; weight, bias and the running statistics [C]. The latter are updated in training.
TORCH_LIBRARY_FRAGMENT(graft, library) {
  library.def(
      "batch_norm_silu(Tensor input, Tensor weight, Tensor bias, Tensor(a!) running_mean, Tensor(b!) running_var, "
      "bool training, float momentum, float eps) -> Tensor");
}
TORCH_LIBRARY_IMPL(graft, Autograd, library) { library.impl("batch_norm_silu", batchNormSilu); }

}  // namespace graft
