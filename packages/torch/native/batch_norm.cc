// Batch normalisation in training: the statistics and gradients that its fused forms share, and the form that ends a
// residual branch: y = norm(x) · factor of the image (stochastic depth) + the block's input. Apart these go over the
// map ten times forward and twelve times backward; together three and five.
#include "batch_norm.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>

namespace graft {
namespace {

// Sums of (x − pivot) and its square for each channel over rows [begin, end).
GRAFT_KERNEL void sumRows(const float* __restrict x, const float* __restrict pivot, int64_t begin, int64_t end,
                          int64_t width, float* __restrict sum, float* __restrict squares) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * width;
    for (int64_t c = 0; c < width; c++) {
      const float d = v[c] - pivot[c];
      sum[c] += d;
      squares[c] += d * d;
    }
  }
}

GRAFT_KERNEL void finishRows(const float* __restrict x, const float* __restrict scale, const float* __restrict mean,
                             const float* __restrict sumMean, const float* __restrict productMean, int64_t begin,
                             int64_t end, int64_t width, float* __restrict dz) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * width;
    float* out = dz + row * width;
    for (int64_t c = 0; c < width; c++)
      out[c] = scale[c] * (out[c] - sumMean[c] - (v[c] - mean[c]) * productMean[c]);
  }
}

at::Tensor emptyStatistics(const Rows& rows, const at::Tensor& weight) {
  return at::empty({4, rows.width}, weight.options().memory_format(at::MemoryFormat::Contiguous));
}

// The first `channels` values, again and again.
void repeat(float* values, const Rows& rows) {
  for (int64_t c = rows.channels; c < rows.width; c++) values[c] = values[c - rows.channels];
}

}  // namespace

Rows rowsOf(const at::Tensor& map) {
  const int64_t channels = map.size(1), places = map.size(2) * map.size(3);
  int64_t fold = 1;
  while (channels * fold * 2 <= 128 && places % (fold * 2) == 0) fold *= 2;
  return {map.size(0), places / fold, channels * fold, channels};
}

void foldParts(const Rows& rows, const std::vector<double>& parts, std::vector<double>& first,
               std::vector<double>& second) {
  first.assign(rows.channels, 0.0);
  second.assign(rows.channels, 0.0);
  for (int64_t part = 0; part < kParts; part++)
    for (int64_t start = 0; start < rows.width; start += rows.channels) {
      const double* a = parts.data() + 2 * part * rows.width + start;
      for (int64_t c = 0; c < rows.channels; c++) {
        first[c] += a[c];
        second[c] += a[rows.width + c];
      }
    }
}

bool isChannelsLastFloat(const at::Tensor& map) {
  return map.device().is_cpu() && map.scalar_type() == at::kFloat && map.dim() == 4 && map.numel() > 0 &&
         map.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor batchStatistics(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& runningMean, const at::Tensor& runningVar, double momentum, double eps) {
  const Rows rows = rowsOf(input);
  const float* x = input.data_ptr<float>();
  std::vector<float> pivot(x, x + rows.width);  // of the first place: sums of squares stay small
  repeat(pivot.data(), rows);
  std::vector<double> sum, squares;
  sumInParts(rows, sum, squares, [&](int64_t begin, int64_t end, float* a, float* b) {
    sumRows(x, pivot.data(), begin, end, rows.width, a, b);
  });
  at::Tensor result = emptyStatistics(rows, weight);
  const Statistics s(result);
  const float *w = weight.data_ptr<float>(), *b = bias.data_ptr<float>();
  float *rm = runningMean.data_ptr<float>(), *rv = runningVar.data_ptr<float>();
  const double count = static_cast<double>(rows.places());
  const double unbiased = count > 1 ? count / (count - 1) : 1.0;
  for (int64_t c = 0; c < rows.channels; c++) {
    const double offset = sum[c] / count;
    const double variance = std::max(0.0, squares[c] / count - offset * offset);
    s.mean[c] = static_cast<float>(pivot[c] + offset);
    s.inverse[c] = static_cast<float>(1.0 / std::sqrt(variance + eps));
    s.scale[c] = w[c] * s.inverse[c];
    s.shift[c] = b[c] - s.mean[c] * s.scale[c];
    rm[c] = static_cast<float>((1 - momentum) * rm[c] + momentum * s.mean[c]);
    rv[c] = static_cast<float>((1 - momentum) * rv[c] + momentum * variance * unbiased);
  }
  for (float* values : {s.mean, s.inverse, s.scale, s.shift}) repeat(values, rows);
  return result;
}

at::Tensor standingStatistics(const Rows& rows, const at::Tensor& weight, const at::Tensor& bias,
                              const at::Tensor& runningMean, const at::Tensor& runningVar, double eps) {
  at::Tensor result = emptyStatistics(rows, weight);
  const Statistics s(result);
  const float *w = weight.data_ptr<float>(), *b = bias.data_ptr<float>();
  const float *mean = runningMean.data_ptr<float>(), *variance = runningVar.data_ptr<float>();
  for (int64_t c = 0; c < rows.channels; c++) {
    s.mean[c] = mean[c];
    s.inverse[c] = static_cast<float>(1.0 / std::sqrt(static_cast<double>(variance[c]) + eps));
    s.scale[c] = w[c] * s.inverse[c];
    s.shift[c] = b[c] - mean[c] * s.scale[c];
  }
  for (float* values : {s.mean, s.inverse, s.scale, s.shift}) repeat(values, rows);
  return result;
}

NormGradients::NormGradients(const Rows& rows, const at::Tensor& statistics, const std::vector<double>& sum,
                             const std::vector<double>& product)
    : weight(at::empty({rows.channels}, statistics.options())),
      bias(at::empty({rows.channels}, statistics.options())),
      sumMean(rows.width),
      productMean(rows.width) {
  const Statistics s(statistics);
  float *dw = weight.data_ptr<float>(), *db = bias.data_ptr<float>();
  const double count = static_cast<double>(rows.places());
  for (int64_t c = 0; c < rows.channels; c++) {
    dw[c] = static_cast<float>(product[c] * s.inverse[c]);
    db[c] = static_cast<float>(sum[c]);
    sumMean[c] = static_cast<float>(sum[c] / count);
    productMean[c] = static_cast<float>(product[c] / count * s.inverse[c] * s.inverse[c]);
  }
  repeat(sumMean.data(), rows);
  repeat(productMean.data(), rows);
}

void finishGradient(const at::Tensor& input, const at::Tensor& statistics, const NormGradients& gradients, float* dz) {
  const Rows rows = rowsOf(input);
  const Statistics s(statistics);
  const float* x = input.data_ptr<float>();
  forRows(rows, [&](int64_t begin, int64_t end) {
    finishRows(x, s.scale, s.mean, gradients.sumMean.data(), gradients.productMean.data(), begin, end, rows.width, dz);
  });
}

namespace {

// Rows [begin, end), all of one image.
GRAFT_KERNEL void branchRows(const float* __restrict x, const float* __restrict scale, const float* __restrict shift,
                             float factor, const float* __restrict skip, int64_t begin, int64_t end, int64_t width,
                             float* __restrict y) {
  for (int64_t row = begin; row < end; row++) {
    const float* v = x + row * width;
    float* out = y + row * width;
    if (skip) {
      const float* other = skip + row * width;
      for (int64_t c = 0; c < width; c++) out[c] = (v[c] * scale[c] + shift[c]) * factor + other[c];
    } else {
      for (int64_t c = 0; c < width; c++) out[c] = (v[c] * scale[c] + shift[c]) * factor;
    }
  }
}

// Sums of dz and of dz · (x − mean), dz = dy · factor.
GRAFT_KERNEL void branchSums(const float* __restrict x, const float* __restrict dy, float factor,
                             const float* __restrict mean, int64_t begin, int64_t end, int64_t width,
                             float* __restrict sum, float* __restrict product) {
  for (int64_t row = begin; row < end; row++) {
    const float *v = x + row * width, *g = dy + row * width;
    for (int64_t c = 0; c < width; c++) {
      const float d = g[c] * factor;
      sum[c] += d;
      product[c] += d * (v[c] - mean[c]);
    }
  }
}

GRAFT_KERNEL void branchGradient(const float* __restrict x, const float* __restrict dy, float factor,
                                 const float* __restrict scale, const float* __restrict mean,
                                 const float* __restrict sumMean, const float* __restrict productMean, int64_t begin,
                                 int64_t end, int64_t width, float* __restrict dx) {
  for (int64_t row = begin; row < end; row++) {
    const float *v = x + row * width, *g = dy + row * width;
    float* out = dx + row * width;
    for (int64_t c = 0; c < width; c++)
      out[c] = scale[c] * (g[c] * factor - sumMean[c] - (v[c] - mean[c]) * productMean[c]);
  }
}

// Calls body(begin, end, factor) for the rows of each image among [begin, end).
template <typename Body>
void byImage(const Rows& rows, const float* factors, int64_t begin, int64_t end, Body body) {
  if (!factors) return body(begin, end, 1.0f);
  while (begin < end) {
    const int64_t image = begin / rows.perImage;
    const int64_t last = std::min(end, (image + 1) * rows.perImage);
    body(begin, last, factors[image]);
    begin = last;
  }
}

const float* dataOrNull(const c10::optional<at::Tensor>& tensor) {
  return tensor.has_value() ? tensor->data_ptr<float>() : nullptr;
}

struct BatchNormBranch : torch::autograd::Function<BatchNormBranch> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const c10::optional<at::Tensor>& skip,
                            const at::Tensor& runningMean, const at::Tensor& runningVar,
                            const c10::optional<at::Tensor>& factors, double momentum, double eps) {
    at::AutoDispatchBelowADInplaceOrView below;
    const Rows rows = rowsOf(input);
    const at::Tensor statistics = batchStatistics(input, weight, bias, runningMean, runningVar, momentum, eps);
    const Statistics s(statistics);
    at::Tensor output = at::empty_like(input);
    const float *x = input.data_ptr<float>(), *other = dataOrNull(skip), *each = dataOrNull(factors);
    float* y = output.data_ptr<float>();
    forRows(rows, [&](int64_t begin, int64_t end) {
      byImage(rows, each, begin, end, [&](int64_t first, int64_t last, float factor) {
        branchRows(x, s.scale, s.shift, factor, other, first, last, rows.width, y);
      });
    });
    context->save_for_backward({input, statistics});
    context->saved_data["factors"] = factors;
    context->saved_data["skips"] = skip.has_value();
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "batch_norm_branch cannot be differentiated twice; use batch_norm");
    const auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &statistics = saved[1];
    const auto factors = context->saved_data["factors"].toOptional<at::Tensor>();
    const Rows rows = rowsOf(input);
    const Statistics s(statistics);
    const at::Tensor outer = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const float *x = input.data_ptr<float>(), *dy = outer.data_ptr<float>(), *each = dataOrNull(factors);
    std::vector<double> sum, product;
    sumInParts(rows, sum, product, [&](int64_t begin, int64_t end, float* a, float* b) {
      byImage(rows, each, begin, end, [&](int64_t first, int64_t last, float factor) {
        branchSums(x, dy, factor, s.mean, first, last, rows.width, a, b);
      });
    });
    const NormGradients norm(rows, statistics, sum, product);
    at::Tensor result = at::empty_like(input);
    float* dx = result.data_ptr<float>();
    forRows(rows, [&](int64_t begin, int64_t end) {
      byImage(rows, each, begin, end, [&](int64_t first, int64_t last, float factor) {
        branchGradient(x, dy, factor, s.scale, s.mean, norm.sumMean.data(), norm.productMean.data(), first, last,
                       rows.width, dx);
      });
    });
    const at::Tensor none;
    const bool skips = context->saved_data["skips"].toBool();
    return {result, norm.weight, norm.bias, skips ? outer : none, none, none, none, none, none};
  }
};

at::Tensor batchNormBranch(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& runningMean, const at::Tensor& runningVar,
                           const c10::optional<at::Tensor>& skip, const c10::optional<at::Tensor>& factors,
                           double momentum, double eps) {
  const auto last = at::MemoryFormat::ChannelsLast;
  const at::Tensor map = input.contiguous(last);
  TORCH_CHECK(isChannelsLastFloat(map), "batch_norm_branch: expected a float32 map [N, C, H, W] on the CPU");
  c10::optional<at::Tensor> other, each;
  if (skip.has_value()) other = skip->contiguous(last);
  if (factors.has_value()) each = factors->contiguous();
  TORCH_CHECK(!other || other->sizes() == map.sizes(), "batch_norm_branch: skip differs in shape");
  TORCH_CHECK(!each || each->numel() == map.size(0), "batch_norm_branch: expected a factor an image");
  return BatchNormBranch::apply(map, weight, bias, other, runningMean, runningVar, each, momentum, eps);
}

}  // namespace

// Input and skip [N, C, H, W], factors [N]; weight, bias and the running statistics [C]. The latter are updated.
TORCH_LIBRARY_FRAGMENT(graft, library) {
  library.def(
      "batch_norm_branch(Tensor input, Tensor weight, Tensor bias, Tensor(a!) running_mean, Tensor(b!) running_var, "
      "Tensor? skip, Tensor? factors, float momentum, float eps) -> Tensor");
}
TORCH_LIBRARY_IMPL(graft, Autograd, library) { library.impl("batch_norm_branch", batchNormBranch); }

}  // namespace graft
