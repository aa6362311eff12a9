// One step of Adam (or AdamW) over all parameters, each read and written once. The list operators go over memory ten
// times, which is what such a step costs: there is hardly any arithmetic in it. The same formula, not the same bits.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <cmath>

#include "kernel.h"
#include "parallel.h"

namespace graft {
namespace {

struct Factors {
  float l2;        // weight decay as part of the gradient
  float keep;      // 1 − rate · decoupled weight decay
  float beta1, beta2;
  float rest1, rest2;  // 1 − β, rounded once: of a rounded β₂ = 0.999 it would be off by 1.3e-5 of itself
  float eps;
  float correction;  // √(1 − β₂ᵗ)
  float size;        // rate / (1 − β₁ᵗ)
};

GRAFT_KERNEL void update(float* __restrict weight, const float* __restrict gradient, float* __restrict mean,
                         float* __restrict square, int64_t begin, int64_t end, const Factors f) {
  for (int64_t i = begin; i < end; i++) {
    const float g = gradient[i] + f.l2 * weight[i];
    const float m = mean[i] * f.beta1 + g * f.rest1;
    const float v = square[i] * f.beta2 + g * g * f.rest2;
    mean[i] = m;
    square[i] = v;
    weight[i] = weight[i] * f.keep - f.size * (m / (__builtin_sqrtf(v) / f.correction + f.eps));
  }
}

bool isDenseFloat(const at::Tensor& t) {
  return t.device().is_cpu() && t.scalar_type() == at::kFloat && t.is_non_overlapping_and_dense();
}

// Whether elements stand in the same order in memory; where a dimension has one element its stride says nothing.
bool sameOrder(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return false;
  for (int64_t d = 0; d < a.dim(); d++)
    if (a.size(d) > 1 && a.stride(d) != b.stride(d)) return false;
  return true;
}

// The tensor itself, or a copy of it laid out as `weight` is.
at::Tensor inOrderOf(const at::Tensor& weight, const at::Tensor& tensor) {
  if (isDenseFloat(tensor) && sameOrder(weight, tensor)) return tensor;
  return at::empty_like(weight).copy_(tensor);
}

void adamStep(at::TensorList parameters, at::TensorList gradients, at::TensorList means, at::TensorList squares,
              double rate, double beta1, double beta2, double eps, double l2, double decoupled, int64_t step) {
  TORCH_CHECK(parameters.size() == gradients.size() && parameters.size() == means.size() &&
                  parameters.size() == squares.size(),
              "adam_step_: the lists differ in length");
  const at::NoGradGuard noGrad;
  Factors f;
  f.l2 = static_cast<float>(l2);
  f.keep = static_cast<float>(1.0 - rate * decoupled);
  f.beta1 = static_cast<float>(beta1);
  f.beta2 = static_cast<float>(beta2);
  f.rest1 = static_cast<float>(1.0 - beta1);
  f.rest2 = static_cast<float>(1.0 - beta2);
  f.eps = static_cast<float>(eps);
  f.correction = static_cast<float>(std::sqrt(1.0 - std::pow(beta2, static_cast<double>(step))));
  f.size = static_cast<float>(rate / (1.0 - std::pow(beta1, static_cast<double>(step))));
  for (size_t i = 0; i < parameters.size(); i++) {
    const at::Tensor &weight = parameters[i], &mean = means[i], &square = squares[i];
    TORCH_CHECK(isDenseFloat(weight), "adam_step_: expected dense float32 parameters on the CPU");
    const at::Tensor gradient = inOrderOf(weight, gradients[i]);
    const at::Tensor ownMean = inOrderOf(weight, mean), ownSquare = inOrderOf(weight, square);
    float *w = weight.data_ptr<float>(), *m = ownMean.data_ptr<float>(), *v = ownSquare.data_ptr<float>();
    const float* g = gradient.data_ptr<float>();
    parallelFor(weight.numel(), 32768,
                [&](int64_t begin, int64_t end) { update(w, g, m, v, begin, end, f); });
    if (!ownMean.is_same(mean)) mean.copy_(ownMean);
    if (!ownSquare.is_same(square)) square.copy_(ownSquare);
    // What autograd relies on to notice that a value it kept has changed.
    for (const at::Tensor* changed : {&weight, &mean, &square}) changed->unsafeGetTensorImpl()->bump_version();
  }
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(graft, library) {
  library.def(
      "adam_step_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] means, Tensor(c!)[] squares, float rate, "
      "float beta1, float beta2, float eps, float l2, float decoupled, int step) -> ()");
}
TORCH_LIBRARY_IMPL(graft, CompositeExplicitAutograd, library) { library.impl("adam_step_", adamStep); }

}  // namespace graft
