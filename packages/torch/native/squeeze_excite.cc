// The middle of an MBConv block in training as one operator: batch norm, SiLU, and squeeze-and-excitation,
//   a = silu(norm(x)),  h = W₁ · mean over places (a) + b₁,  g = sigmoid(W₂ · silu(h) + b₂),  y = a · g.
// (Hu et al., CVPR 2018; Tan & Le, ICML 2019.) Apart these go over the map ten times forward and twenty times backward;
// together, one image after the other while its map lies in the cache, three and six. Only the convolution's output is
// kept for the backward pass. CPU, float32, channels last.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "batch_norm.h"

namespace graft {
namespace {

// y = silu(z) over the rows of an image, and its sums.
GRAFT_KERNEL void activateRows(const float* __restrict x, const float* __restrict scale, const float* __restrict shift,
                               int64_t rows, int64_t width, float* __restrict y, float* __restrict sum) {
  for (int64_t row = 0; row < rows; row++) {
    const float* v = x + row * width;
    float* out = y + row * width;
    for (int64_t c = 0; c < width; c++) {
      const float z = v[c] * scale[c] + shift[c];
      const float a = z * logistic(z);
      out[c] = a;
      sum[c] += a;
    }
  }
}

GRAFT_KERNEL void scaleRows(const float* __restrict gate, int64_t rows, int64_t width, float* __restrict y) {
  for (int64_t row = 0; row < rows; row++) {
    float* out = y + row * width;
    for (int64_t c = 0; c < width; c++) out[c] *= gate[c];
  }
}

// The sums of dy · silu(z), the gradient by the gate; sigmoid(z) is kept in `sigmoid`.
GRAFT_KERNEL void gateRows(const float* __restrict x, const float* __restrict dy, const float* __restrict scale,
                           const float* __restrict shift, int64_t rows, int64_t width, float* __restrict sigmoid,
                           float* __restrict sum) {
  for (int64_t row = 0; row < rows; row++) {
    const float *v = x + row * width, *g = dy + row * width;
    float* out = sigmoid + row * width;
    for (int64_t c = 0; c < width; c++) {
      const float z = v[c] * scale[c] + shift[c];
      const float s = logistic(z);
      out[c] = s;
      sum[c] += g[c] * z * s;
    }
  }
}

// dz = (dy · gate + squeezed) · silu'(z), where sigmoid(z) stands; and its sums with 1 and with x − mean.
GRAFT_KERNEL void gradientRows(const float* __restrict x, const float* __restrict dy, const float* __restrict scale,
                               const float* __restrict shift, const float* __restrict mean,
                               const float* __restrict gate, const float* __restrict squeezed, int64_t rows,
                               int64_t width, float* __restrict dz, float* __restrict sum, float* __restrict product) {
  for (int64_t row = 0; row < rows; row++) {
    const float *v = x + row * width, *g = dy + row * width;
    float* out = dz + row * width;
    for (int64_t c = 0; c < width; c++) {
      const float z = v[c] * scale[c] + shift[c];
      const float s = out[c];
      const float d = (g[c] * gate[c] + squeezed[c]) * s * (1.0f + z * (1.0f - s));
      out[c] = d;
      sum[c] += d;
      product[c] += d * (v[c] - mean[c]);
    }
  }
}

// out[r] += matrix[r] · values. Sixteen sums side by side, which become vectors.
GRAFT_KERNEL void multiply(const float* __restrict matrix, const float* __restrict values, int64_t rows,
                           int64_t columns, float* __restrict out) {
  for (int64_t r = 0; r < rows; r++) {
    const float* m = matrix + r * columns;
    float lanes[16] = {};
    int64_t c = 0;
    for (; c + 16 <= columns; c += 16)
      for (int64_t lane = 0; lane < 16; lane++) lanes[lane] += m[c + lane] * values[c + lane];
    for (; c < columns; c++) lanes[0] += m[c] * values[c];
    float sum = 0;
    for (int64_t lane = 0; lane < 16; lane++) sum += lanes[lane];
    out[r] += sum;
  }
}

// out += transposed matrix · values
GRAFT_KERNEL void multiplyTransposed(const float* __restrict matrix, const float* __restrict values, int64_t rows,
                                     int64_t columns, float* __restrict out) {
  for (int64_t r = 0; r < rows; r++) {
    const float* m = matrix + r * columns;
    const float value = values[r];
    for (int64_t c = 0; c < columns; c++) out[c] += m[c] * value;
  }
}

GRAFT_KERNEL void sigmoids(float* __restrict values, int64_t count) {
  for (int64_t i = 0; i < count; i++) values[i] = logistic(values[i]);
}

// Sums over the rows of an image that body(begin, end, sum) adds run by run, for each channel: [channels].
template <typename Body>
void sumImage(const Rows& rows, std::vector<float>& run, std::vector<double>& wide, float* result, Body body) {
  std::fill(wide.begin(), wide.end(), 0.0);
  for (int64_t row = 0; row < rows.perImage; row += kRun) {
    std::fill(run.begin(), run.end(), 0.0f);
    body(row, std::min(row + kRun, rows.perImage), run.data());
    for (int64_t start = 0; start < rows.width; start += rows.channels)
      for (int64_t c = 0; c < rows.channels; c++) wide[c] += run[start + c];
  }
  for (int64_t c = 0; c < rows.channels; c++) result[c] = static_cast<float>(wide[c]);
}

void repeatAlongRow(const float* values, const Rows& rows, std::vector<float>& row) {
  for (int64_t start = 0; start < rows.width; start += rows.channels)
    std::copy(values, values + rows.channels, row.begin() + start);
}

// [C, S, 1, 1] → [S, C]
at::Tensor transposed(const at::Tensor& weight) {
  return weight.view({weight.size(0), weight.size(1)}).t().contiguous();
}

struct SqueezeExcite : torch::autograd::Function<SqueezeExcite> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& reduceWeight, const at::Tensor& reduceBias,
                            const at::Tensor& expandWeight, const at::Tensor& expandBias,
                            const at::Tensor& runningMean, const at::Tensor& runningVar, double momentum, double eps) {
    at::AutoDispatchBelowADInplaceOrView below;
    const Rows rows = rowsOf(input);
    const int64_t channels = rows.channels, squeezed = reduceWeight.size(0), width = rows.width;
    const at::Tensor statistics = batchStatistics(input, weight, bias, runningMean, runningVar, momentum, eps);
    const Statistics s(statistics);
    const at::Tensor expandRows = transposed(expandWeight);
    at::Tensor output = at::empty_like(input);
    const at::Tensor means = at::empty({rows.images, channels}, statistics.options());
    const at::Tensor hidden = at::empty({rows.images, squeezed}, statistics.options());
    const at::Tensor gates = at::empty({rows.images, channels}, statistics.options());
    const float *x = input.data_ptr<float>(), *w1 = reduceWeight.data_ptr<float>(), *b1 = reduceBias.data_ptr<float>();
    const float *w2 = expandRows.data_ptr<float>(), *b2 = expandBias.data_ptr<float>();
    float *y = output.data_ptr<float>(), *mean = means.data_ptr<float>(), *h = hidden.data_ptr<float>();
    float* gate = gates.data_ptr<float>();
    const float share = static_cast<float>(channels) / static_cast<float>(rows.perImage * width);
    parallelFor(rows.images, rows.imagesAThread(), [&](int64_t begin, int64_t end) {
      std::vector<float> run(width), active(squeezed);
      std::vector<double> wide(channels);
      for (int64_t n = begin; n < end; n++) {
        const int64_t offset = n * rows.perImage * width;
        float *own = mean + n * channels, *inner = h + n * squeezed, *g = gate + n * channels;
        sumImage(rows, run, wide, own, [&](int64_t first, int64_t last, float* sum) {
          const int64_t at = offset + first * width;
          activateRows(x + at, s.scale, s.shift, last - first, width, y + at, sum);
        });
        for (int64_t c = 0; c < channels; c++) own[c] *= share;
        std::copy(b1, b1 + squeezed, inner);
        multiply(w1, own, squeezed, channels, inner);
        for (int64_t i = 0; i < squeezed; i++) active[i] = inner[i] * logistic(inner[i]);
        std::copy(b2, b2 + channels, g);
        multiplyTransposed(w2, active.data(), squeezed, channels, g);
        sigmoids(g, channels);
        repeatAlongRow(g, rows, run);
        scaleRows(run.data(), rows.perImage, width, y + offset);
      }
    });
    context->save_for_backward({input, statistics, means, hidden, gates, reduceWeight, expandWeight});
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "squeeze_excite cannot be differentiated twice; use its parts");
    const auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &statistics = saved[1], &means = saved[2], &hidden = saved[3];
    const at::Tensor &gates = saved[4], &reduceWeight = saved[5], expandRows = transposed(saved[6]);
    const Rows rows = rowsOf(input);
    const int64_t channels = rows.channels, squeezed = reduceWeight.size(0), width = rows.width;
    const Statistics s(statistics);
    const at::Tensor outer = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor result = at::empty_like(input);
    const at::Tensor active = at::empty_like(hidden), hiddenGradient = at::empty_like(hidden);
    const at::Tensor gateGradient = at::empty_like(gates);
    const float *x = input.data_ptr<float>(), *dy = outer.data_ptr<float>(), *gate = gates.data_ptr<float>();
    const float *h = hidden.data_ptr<float>(), *w1 = reduceWeight.data_ptr<float>(), *w2 = expandRows.data_ptr<float>();
    float *dz = result.data_ptr<float>(), *a = active.data_ptr<float>(), *dh = hiddenGradient.data_ptr<float>();
    float* dg = gateGradient.data_ptr<float>();
    const float share = static_cast<float>(channels) / static_cast<float>(rows.perImage * width);

    std::vector<double> parts(2 * kParts * width);
    parallelFor(kParts, rows.partsAThread(), [&](int64_t begin, int64_t end) {
      std::vector<float> run(width), both(2 * width), gateRow(width), squeezedRow(width), inner(channels);
      std::vector<double> wide(channels);
      for (int64_t part = begin; part < end; part++) {
        double *sum = parts.data() + 2 * part * width, *product = sum + width;
        for (int64_t n = rows.images * part / kParts; n < rows.images * (part + 1) / kParts; n++) {
          const int64_t offset = n * rows.perImage * width;
          const float *g = gate + n * channels, *before = h + n * squeezed;
          float *own = dg + n * channels, *back = dh + n * squeezed, *hiddenActive = a + n * squeezed;
          sumImage(rows, run, wide, own, [&](int64_t first, int64_t last, float* into) {
            const int64_t at = offset + first * width;
            gateRows(x + at, dy + at, s.scale, s.shift, last - first, width, dz + at, into);
          });
          for (int64_t c = 0; c < channels; c++) own[c] *= g[c] * (1.0f - g[c]);
          std::fill(back, back + squeezed, 0.0f);
          multiply(w2, own, squeezed, channels, back);
          for (int64_t i = 0; i < squeezed; i++) {
            const float sigmoid = logistic(before[i]);
            hiddenActive[i] = before[i] * sigmoid;
            back[i] *= sigmoid * (1.0f + before[i] * (1.0f - sigmoid));
          }
          std::fill(inner.begin(), inner.end(), 0.0f);
          multiplyTransposed(w1, back, squeezed, channels, inner.data());
          for (float& value : inner) value *= share;
          repeatAlongRow(g, rows, gateRow);
          repeatAlongRow(inner.data(), rows, squeezedRow);
          for (int64_t row = 0; row < rows.perImage; row += kRun) {
            const int64_t count = std::min(kRun, rows.perImage - row), at = offset + row * width;
            std::fill(both.begin(), both.end(), 0.0f);
            gradientRows(x + at, dy + at, s.scale, s.shift, s.mean, gateRow.data(), squeezedRow.data(), count, width,
                         dz + at, both.data(), both.data() + width);
            for (int64_t c = 0; c < width; c++) {
              sum[c] += both[c];
              product[c] += both[width + c];
            }
          }
        }
      }
    });
    std::vector<double> sum, product;
    foldParts(rows, parts, sum, product);
    const NormGradients norm(rows, statistics, sum, product);
    finishGradient(input, statistics, norm, dz);

    at::Tensor reduceGradient, expandGradient, reduceBiasGradient, expandBiasGradient;
    if (context->needs_input_grad(3)) reduceGradient = at::mm(hiddenGradient.t(), means).view_as(reduceWeight);
    if (context->needs_input_grad(4)) reduceBiasGradient = hiddenGradient.sum(0);
    if (context->needs_input_grad(5)) expandGradient = at::mm(gateGradient.t(), active).view_as(saved[6]);
    if (context->needs_input_grad(6)) expandBiasGradient = gateGradient.sum(0);
    const at::Tensor none;
    return {result,         norm.weight,        norm.bias, reduceGradient, reduceBiasGradient,
            expandGradient, expandBiasGradient, none,      none,           none,
            none};
  }
};

at::Tensor squeezeExcite(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                         const at::Tensor& runningMean, const at::Tensor& runningVar, const at::Tensor& reduceWeight,
                         const at::Tensor& reduceBias, const at::Tensor& expandWeight, const at::Tensor& expandBias,
                         double momentum, double eps) {
  const at::Tensor map = input.contiguous(at::MemoryFormat::ChannelsLast);
  TORCH_CHECK(isChannelsLastFloat(map), "squeeze_excite: expected a float32 map [N, C, H, W] on the CPU");
  return SqueezeExcite::apply(map, weight, bias, reduceWeight.contiguous(), reduceBias, expandWeight.contiguous(),
                              expandBias, runningMean, runningVar, momentum, eps);
}

}  // namespace

// Input [N, C, H, W]; reduce [S, C, 1, 1] and [S], expand [C, S, 1, 1] and [C]; the others as in batch_norm_activation.
TORCH_LIBRARY_FRAGMENT(graft, library) {
  library.def(
      "squeeze_excite(Tensor input, Tensor weight, Tensor bias, Tensor(a!) running_mean, Tensor(b!) running_var, "
      "Tensor reduce_weight, Tensor reduce_bias, Tensor expand_weight, Tensor expand_bias, float momentum, float eps) "
      "-> Tensor");
}
TORCH_LIBRARY_IMPL(graft, Autograd, library) { library.impl("squeeze_excite", squeezeExcite); }

}  // namespace graft
