// A convolution without bias and what stands behind it in a trained network as one operator:
// activation(norm(conv(x))) + skip, with the running statistics. The batch norm is a factor and a summand at the end of
// each sum, so the map is written once. 1 × 1 convolutions and depthwise ones of 3 × 3 and 5 × 5 on the CPU in float32,
// channels last, where no gradient is recorded; in all other cases libtorch's operators one after the other.
#include "conv_norm.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>

#include "activation.h"
#include "vectors.h"

namespace graft {
namespace {

struct Norm {
  const at::Tensor &weight, &bias, &runningMean, &runningVar;
  double eps;
};

// [channels], and zeros until the last vector is full.
struct Affine {
  explicit Affine(const Norm& norm) {
    const int64_t channels = norm.weight.numel(), room = channels + 2 * Avx512::kWidth;
    scale.resize(room);
    shift.resize(room);
    const float *w = norm.weight.data_ptr<float>(), *b = norm.bias.data_ptr<float>();
    const float *mean = norm.runningMean.data_ptr<float>(), *variance = norm.runningVar.data_ptr<float>();
    for (int64_t c = 0; c < channels; c++) {
      const double each = w[c] / std::sqrt(static_cast<double>(variance[c]) + norm.eps);
      scale[c] = static_cast<float>(each);
      shift[c] = static_cast<float>(b[c] - mean[c] * each);
    }
  }
  std::vector<float> scale, shift;
};

template <typename Body>
void withAnyActivation(c10::string_view name, Body body) {
  if (name == "none") return body(Identity());
  withActivation(name, body);
}

// An empty tensor where there is no such kernel.
at::Tensor fused(const at::Tensor& map, const at::Tensor& weight, const Norm& norm, const at::Tensor& skip,
                 int64_t stride, at::IntArrayRef padding, int64_t groups, c10::string_view activation) {
#ifdef GRAFT_HAS_VECTORS
  const int64_t kernel = weight.size(2), channels = weight.size(0);
  const bool isPointwise = kernel == 1 && weight.size(3) == 1 && map.size(1) == weight.size(1) && groups == 1 &&
                           stride == 1 && padding[0] == 0 && padding[1] == 0 && padding[2] == 0 && padding[3] == 0;
  const bool isDepthwise = (kernel == 3 || kernel == 5) && weight.size(3) == kernel && groups == channels &&
                           weight.size(1) == 1 && map.size(1) == channels && stride >= 1;
  if (!hasVectors() || !(isPointwise || isDepthwise)) return {};
  const int64_t height = map.size(2) + padding[0] + padding[2], width = map.size(3) + padding[1] + padding[3];
  if (height < kernel || width < kernel) return {};
  const int64_t outHeight = (height - kernel) / stride + 1, outWidth = (width - kernel) / stride + 1;
  const auto last = at::MemoryFormat::ChannelsLast;
  const at::Tensor output = at::empty({map.size(0), channels, outHeight, outWidth}, map.options(), last);
  at::Tensor other;
  if (skip.defined()) {
    TORCH_CHECK(skip.sizes() == output.sizes(), "conv_norm: skip differs in shape");
    other = skip.contiguous(last);
  }
  const Affine affine(norm);
  const at::Tensor plain = weight.contiguous();
  const float *x = map.data_ptr<float>(), *w = plain.data_ptr<float>();
  const Ending ending{affine.scale.data(), affine.shift.data(), other.defined() ? other.data_ptr<float>() : nullptr,
                      output.data_ptr<float>()};
  withAnyActivation(activation, [&](auto kind) {
    using Kind = decltype(kind);
    if (isPointwise) {
      pointwise<Kind>(x, w, {map.size(0) * map.size(2) * map.size(3), map.size(1), channels}, ending);
    } else {
      const DepthwiseShape shape{map.size(0), channels, map.size(2), map.size(3), outHeight, outWidth,
                                 kernel,      stride,   padding[0],  padding[1]};
      depthwise<Kind>(x, w, shape, ending);
    }
  });
  return output;
#else
  return {};
#endif
}

at::Tensor byParts(const at::Tensor& input, const at::Tensor& weight, const Norm& norm,
                   const c10::optional<at::Tensor>& skip, int64_t stride, at::IntArrayRef padding, int64_t groups,
                   c10::string_view activation) {
  const int64_t top = padding[0], left = padding[1], bottom = padding[2], right = padding[3];
  const bool isEven = top == bottom && left == right;
  const at::Tensor map = isEven ? input : at::constant_pad_nd(input, {left, right, top, bottom});
  const std::vector<int64_t> around = isEven ? std::vector<int64_t>{top, left} : std::vector<int64_t>{0, 0};
  const at::Tensor sums = at::conv2d(map, weight, {}, {stride, stride}, around, 1, groups);
  at::Tensor y = at::batch_norm(sums, norm.weight, norm.bias, norm.runningMean, norm.runningVar, false, 0, norm.eps, false);
  if (activation != "none") y = activate(y, activation);
  return skip.has_value() ? y.add(*skip) : y;
}

at::Tensor convNorm(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& normWeight,
                    const at::Tensor& bias, const at::Tensor& runningMean, const at::Tensor& runningVar,
                    const c10::optional<at::Tensor>& skip, int64_t stride, at::IntArrayRef padding, int64_t groups,
                    double eps, c10::string_view activation) {
  const Norm norm{normWeight, bias, runningMean, runningVar, eps};
  const auto isFloat = [](const at::Tensor& one) { return one.device().is_cpu() && one.scalar_type() == at::kFloat; };
  const auto isOfNorm = [&](const at::Tensor& one) {
    return isFloat(one) && one.numel() == weight.size(0) && one.is_contiguous();
  };
  if (!at::GradMode::is_enabled() && isChannelsLastFloat(input) && isFloat(weight) && weight.dim() == 4 &&
      isOfNorm(normWeight) && isOfNorm(bias) && isOfNorm(runningMean) && isOfNorm(runningVar) &&
      (!skip.has_value() || isFloat(*skip))) {
    at::AutoDispatchBelowADInplaceOrView below;
    const at::Tensor output =
        fused(input, weight, norm, skip.value_or(at::Tensor()), stride, padding, groups, activation);
    if (output.defined()) return output;
  }
  return byParts(input, weight, norm, skip, stride, padding, groups, activation);
}

}  // namespace

// Input [N, C, H, W], weight [O, C / groups, K, K], skip like the output; padding: top, left, bottom, right; the norm's [O].
// Activation: none, silu, relu or relu6.
TORCH_LIBRARY_FRAGMENT(graft, library) {
  library.def(
      "conv_norm(Tensor input, Tensor weight, Tensor norm_weight, Tensor bias, Tensor running_mean, Tensor running_var, "
      "Tensor? skip, int stride, int[4] padding, int groups, float eps, str activation) -> Tensor");
}
TORCH_LIBRARY_IMPL(graft, Autograd, library) { library.impl("conv_norm", convNorm); }

}  // namespace graft
