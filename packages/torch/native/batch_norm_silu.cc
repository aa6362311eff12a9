// Batch normalisation followed by SiLU, z · sigmoid(z), as one operator: EfficientNet does the pair after nearly every
// convolution. Apart they go over the feature map six times forward and eight times backward; together three and
// five, and the normalised map need not be kept for the backward pass. CPU, float32, channels last; in all other
// cases it is libtorch's two operators.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/silu.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "batch_norm.h"

namespace graft {
namespace {

// y = silu(x · scale + shift)
GRAFT_KERNEL void applyRows(const float* __restrict x, const float* __restrict scale, const float* __restrict shift,
                            int64_t begin, int64_t end, int64_t width, float* __restrict y) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * width;
    float* out = y + row * width;
    for (int64_t c = 0; c < width; c++) {
      const float z = v[c] * scale[c] + shift[c];
      out[c] = z * logistic(z);
    }
  }
}

// dz = dy · silu'(z), and its sums with 1 and with x − mean.
GRAFT_KERNEL void gradientRows(const float* __restrict x, const float* __restrict dy, const float* __restrict scale,
                               const float* __restrict shift, const float* __restrict mean, int64_t begin, int64_t end,
                               int64_t width, float* __restrict dz, float* __restrict sum,
                               float* __restrict product) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * width;
    const float* g = dy + row * width;
    float* out = dz + row * width;
    for (int64_t c = 0; c < width; c++) {
      const float z = v[c] * scale[c] + shift[c];
      const float s = logistic(z);
      const float d = g[c] * s * (1.0f + z * (1.0f - s));
      out[c] = d;
      sum[c] += d;
      product[c] += d * (v[c] - mean[c]);
    }
  }
}

at::Tensor activated(const at::Tensor& input, const at::Tensor& statistics) {
  const Rows rows = rowsOf(input);
  const Statistics s(statistics);
  at::Tensor output = at::empty_like(input);
  const float* x = input.data_ptr<float>();
  float* y = output.data_ptr<float>();
  forRows(rows, [&](int64_t begin, int64_t end) { applyRows(x, s.scale, s.shift, begin, end, rows.width, y); });
  return output;
}

struct BatchNormSilu : torch::autograd::Function<BatchNormSilu> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& runningMean, const at::Tensor& runningVar,
                            double momentum, double eps) {
    at::AutoDispatchBelowADInplaceOrView below;
    const at::Tensor statistics = batchStatistics(input, weight, bias, runningMean, runningVar, momentum, eps);
    context->save_for_backward({input, statistics});
    return activated(input, statistics);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(),
                "batch_norm_silu cannot be differentiated twice; use batch_norm and silu");
    const auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &statistics = saved[1];
    const Rows rows = rowsOf(input);
    const Statistics s(statistics);
    const at::Tensor outer = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor result = at::empty_like(input);
    const float *x = input.data_ptr<float>(), *dy = outer.data_ptr<float>();
    float* dz = result.data_ptr<float>();
    std::vector<double> sum, product;
    sumInParts(rows, sum, product, [&](int64_t begin, int64_t end, float* a, float* b) {
      gradientRows(x, dy, s.scale, s.shift, s.mean, begin, end, rows.width, dz, a, b);
    });
    const NormGradients norm(rows, statistics, sum, product);
    finishGradient(input, statistics, norm, dz);
    return {result, norm.weight, norm.bias, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor batchNormSilu(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                         const at::Tensor& runningMean, const at::Tensor& runningVar, bool training, double momentum,
                         double eps) {
  if (isChannelsLastFloat(input) && weight.scalar_type() == at::kFloat) {
    if (training) return BatchNormSilu::apply(input, weight, bias, runningMean, runningVar, momentum, eps);
    if (!at::GradMode::is_enabled()) {
      // With running statistics there is nothing to sum: one pass.
      at::AutoDispatchBelowADInplaceOrView below;
      return activated(input, standingStatistics(rowsOf(input), weight, bias, runningMean, runningVar, eps));
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
