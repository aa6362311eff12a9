// Batch normalisation followed by an activation as one operator: EfficientNet does the pair after nearly every
// convolution. Apart they go over the feature map six times forward and eight times backward; together three and
// five, and the normalised map need not be kept for the backward pass. CPU, float32, channels last; in all other
// cases it is libtorch's two operators.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/hardtanh.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "activation.h"

namespace graft {
namespace {

// y = activation(x · scale + shift)
template <typename Activation>
GRAFT_KERNEL void applyRows(const float* __restrict x, const float* __restrict scale, const float* __restrict shift,
                            int64_t begin, int64_t end, int64_t width, float* __restrict y) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * width;
    float* out = y + row * width;
    for (int64_t c = 0; c < width; c++) out[c] = Activation::value(v[c] * scale[c] + shift[c]);
  }
}

// dz = dy · activation'(z), and its sums with 1 and with x − mean. Where dz is made again by lastRows, it is not written.
template <typename Activation>
GRAFT_KERNEL void gradientRows(const float* __restrict x, const float* __restrict dy, const float* __restrict scale,
                               const float* __restrict shift, const float* __restrict mean, int64_t begin, int64_t end,
                               int64_t width, float* __restrict dz, float* __restrict sum,
                               float* __restrict product) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * width;
    const float* g = dy + row * width;
    float* out = dz + row * width;
    for (int64_t c = 0; c < width; c++) {
      const float d = Activation::gradient(g[c], v[c] * scale[c] + shift[c]);
      if constexpr (Activation::kKeeps) out[c] = d;
      sum[c] += d;
      product[c] += d * (v[c] - mean[c]);
    }
  }
}

// The gradient by x, dz made again: a comparison costs less than a pass over memory.
template <typename Activation>
GRAFT_KERNEL void lastRows(const float* __restrict x, const float* __restrict dy, const float* __restrict scale,
                           const float* __restrict shift, const float* __restrict mean,
                           const float* __restrict sumMean, const float* __restrict productMean, int64_t begin,
                           int64_t end, int64_t width, float* __restrict dx) {
  for (int64_t row = begin; row < end; row++) {
    const float *v = x + row * width, *g = dy + row * width;
    float* out = dx + row * width;
    for (int64_t c = 0; c < width; c++) {
      const float d = Activation::gradient(g[c], v[c] * scale[c] + shift[c]);
      out[c] = scale[c] * (d - sumMean[c] - (v[c] - mean[c]) * productMean[c]);
    }
  }
}

template <typename Activation>
at::Tensor activated(const at::Tensor& input, const at::Tensor& statistics) {
  const Rows rows = rowsOf(input);
  const Statistics s(statistics);
  at::Tensor output = at::empty_like(input);
  const float* x = input.data_ptr<float>();
  float* y = output.data_ptr<float>();
  forRows(rows, [&](int64_t begin, int64_t end) {
    applyRows<Activation>(x, s.scale, s.shift, begin, end, rows.width, y);
  });
  return output;
}

template <typename Activation>
struct BatchNormActivation : torch::autograd::Function<BatchNormActivation<Activation>> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& runningMean, const at::Tensor& runningVar,
                            double momentum, double eps) {
    at::AutoDispatchBelowADInplaceOrView below;
    const at::Tensor statistics = batchStatistics(input, weight, bias, runningMean, runningVar, momentum, eps);
    context->save_for_backward({input, statistics});
    return activated<Activation>(input, statistics);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(),
                "batch_norm_activation cannot be differentiated twice; use its parts");
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
      gradientRows<Activation>(x, dy, s.scale, s.shift, s.mean, begin, end, rows.width, dz, a, b);
    });
    const NormGradients norm(rows, statistics, sum, product);
    if constexpr (Activation::kKeeps) {
      finishGradient(input, statistics, norm, dz);
    } else {
      forRows(rows, [&](int64_t begin, int64_t end) {
        lastRows<Activation>(x, dy, s.scale, s.shift, s.mean, norm.sumMean.data(), norm.productMean.data(), begin, end,
                             rows.width, dz);
      });
    }
    return {result, norm.weight, norm.bias, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor batchNormActivation(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                               const at::Tensor& runningMean, const at::Tensor& runningVar, bool training,
                               double momentum, double eps, c10::string_view activation) {
  if (isChannelsLastFloat(input) && weight.scalar_type() == at::kFloat) {
    if (training)
      return withActivation(activation, [&](auto kind) {
        return BatchNormActivation<decltype(kind)>::apply(input, weight, bias, runningMean, runningVar, momentum, eps);
      });
    if (!at::GradMode::is_enabled()) {
      // With running statistics there is nothing to sum: one pass.
      at::AutoDispatchBelowADInplaceOrView below;
      const at::Tensor statistics = standingStatistics(rowsOf(input), weight, bias, runningMean, runningVar, eps);
      return withActivation(activation, [&](auto kind) { return activated<decltype(kind)>(input, statistics); });
    }
  }
  return activate(at::batch_norm(input, weight, bias, runningMean, runningVar, training, momentum, eps, false),
                  activation);
}

}  // namespace

at::Tensor activate(const at::Tensor& map, c10::string_view activation) {
  if (activation == "relu") return at::relu(map);
  if (activation == "relu6") return at::hardtanh(map, 0, 6);
  TORCH_CHECK(activation == "silu", "expected the activation silu, relu or relu6, not ", activation);
  return at::silu(map);
}

// Input [N, C, H, W]; weight, bias and the running statistics [C]. The latter are updated in training.
TORCH_LIBRARY_FRAGMENT(graft, library) {
  library.def(
      "batch_norm_activation(Tensor input, Tensor weight, Tensor bias, Tensor(a!) running_mean, Tensor(b!) "
      "running_var, bool training, float momentum, float eps, str activation) -> Tensor");
}
TORCH_LIBRARY_IMPL(graft, Autograd, library) { library.impl("batch_norm_activation", batchNormActivation); }

}  // namespace graft
