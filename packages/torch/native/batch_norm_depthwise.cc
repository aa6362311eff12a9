// Batch norm, activation and the depthwise convolution behind them in training as one operator,
// d = conv(activation(norm(x))): the first half of an MBConv block. The activated map, the widest of the block, is never
// written: its lines are made as the convolution comes to them, forward and again backward, where the gradients by the
// kernel and by the map fall out of one walk. CPU, float32, channels last; kernels of 3 × 3 and 5 × 5, whole vectors of channels.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <array>

#include "activation.h"

namespace graft {
namespace {

constexpr int64_t kLanes = 16;
constexpr int64_t kMostTaps = 5;  // along one side

// Sixteen channels, wherever they lie.
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

GRAFT_INLINE const Lanes& lanes(const float* p) { return *reinterpret_cast<const Lanes*>(p); }
GRAFT_INLINE Lanes& lanes(float* p) { return *reinterpret_cast<Lanes*>(p); }

struct Geometry {
  int64_t channels, height, width, outHeight, outWidth, kernel, stride, top, left;
  // Columns of a line with its padding.
  int64_t columns() const { return std::max((outWidth - 1) * stride + kernel, left + width); }
  int64_t lineSize() const { return columns() * channels; }
};

// A line of the map, activated, and what its gradient needs besides.
template <typename Activation>
GRAFT_KERNEL void activateLine(const float* __restrict x, const float* __restrict scale,
                               const float* __restrict shift, int64_t width, int64_t channels, float* __restrict kept,
                               float* __restrict active) {
  for (int64_t i = 0; i < width; i++) {
    const float* v = x + i * channels;
    float *s = kept + i * channels, *a = active + i * channels;
    for (int64_t c = 0; c < channels; c++) {
      const float z = v[c] * scale[c] + shift[c];
      const float keep = Activation::keep(z);
      if constexpr (Activation::kKeeps) s[c] = keep;
      a[c] = Activation::value(z, keep);
    }
  }
}

template <int64_t K>
GRAFT_INLINE void convolve(const float* const* lines, const float* weight, const Geometry& g, float* out) {
  for (int64_t c = 0; c < g.channels; c += kLanes) {
    Lanes w[K * K];
    for (int64_t tap = 0; tap < K * K; tap++) w[tap] = lanes(weight + tap * g.channels + c);
    for (int64_t ox = 0; ox < g.outWidth; ox++) {
      const int64_t at = ox * g.stride * g.channels + c;
      Lanes sum = {};
      for (int64_t ky = 0; ky < K; ky++)
        for (int64_t kx = 0; kx < K; kx++) sum += lanes(lines[ky] + at + kx * g.channels) * w[ky * K + kx];
      lanes(out + ox * g.channels + c) = sum;
    }
  }
}

GRAFT_KERNEL void convolve3(const float* const* lines, const float* weight, const Geometry& g, float* out) {
  convolve<3>(lines, weight, g, out);
}
GRAFT_KERNEL void convolve5(const float* const* lines, const float* weight, const Geometry& g, float* out) {
  convolve<5>(lines, weight, g, out);
}

// What a line of the output's gradient adds to those of the kernel [taps, C] and of the activated lines.
template <int64_t K>
GRAFT_INLINE void spread(const float* gradient, const float* const* lines, const float* weight, const Geometry& g,
                         float* kernelGradient, float* const* lineGradients) {
  for (int64_t c = 0; c < g.channels; c += kLanes)
    for (int64_t ky = 0; ky < K; ky++) {
      if (!lineGradients[ky]) continue;
      const float* line = lines[ky] + c;
      float* lineGradient = lineGradients[ky] + c;
      Lanes w[K], sum[K];
      for (int64_t kx = 0; kx < K; kx++) {
        w[kx] = lanes(weight + (ky * K + kx) * g.channels + c);
        sum[kx] = Lanes{};
      }
      for (int64_t ox = 0; ox < g.outWidth; ox++) {
        const Lanes d = lanes(gradient + ox * g.channels + c);
        const int64_t at = ox * g.stride * g.channels;
        for (int64_t kx = 0; kx < K; kx++) {
          const int64_t i = at + kx * g.channels;
          sum[kx] += d * lanes(line + i);
          lanes(lineGradient + i) += d * w[kx];
        }
      }
      for (int64_t kx = 0; kx < K; kx++) lanes(kernelGradient + (ky * K + kx) * g.channels + c) += sum[kx];
    }
}

GRAFT_KERNEL void spread3(const float* gradient, const float* const* lines, const float* weight, const Geometry& g,
                          float* kernelGradient, float* const* lineGradients) {
  spread<3>(gradient, lines, weight, g, kernelGradient, lineGradients);
}
GRAFT_KERNEL void spread5(const float* gradient, const float* const* lines, const float* weight, const Geometry& g,
                          float* kernelGradient, float* const* lineGradients) {
  spread<5>(gradient, lines, weight, g, kernelGradient, lineGradients);
}

// dz = da · activation'(z) of a line, and its sums with 1 and with x − mean.
template <typename Activation>
GRAFT_KERNEL void gradientLine(const float* __restrict x, const float* __restrict kept, const float* __restrict active,
                               const float* __restrict activeGradient, const float* __restrict mean, int64_t width,
                               int64_t channels, float* __restrict dz, float* __restrict sum,
                               float* __restrict product) {
  for (int64_t i = 0; i < width; i++) {
    const int64_t at = i * channels;
    for (int64_t c = 0; c < channels; c++) {
      const float s = Activation::kKeeps ? kept[at + c] : 0.0f;
      const float d = Activation::gradient(activeGradient[at + c], active[at + c], s);
      dz[at + c] = d;
      sum[c] += d;
      product[c] += d * (x[at + c] - mean[c]);
    }
  }
}

// The lines of a map that the kernel lies over, in turn: as many as it has rows. Padding columns are zero.
class Window {
 public:
  // One that is not used takes no memory; all its lines are null.
  explicit Window(const Geometry& g, bool isUsed = true) : g_(g), memory_(isUsed ? g.kernel * g.lineSize() : 0) {}
  float* line(int64_t y) { return memory_.empty() ? nullptr : memory_.data() + y % g_.kernel * g_.lineSize(); }
  float* inside(int64_t y) { return memory_.empty() ? nullptr : line(y) + g_.left * g_.channels; }
  void clear(int64_t y) { std::fill(line(y), line(y) + g_.lineSize(), 0.0f); }

 private:
  const Geometry& g_;
  std::vector<float> memory_;
};

// [C, 1, K, K] → [K · K, C]
at::Tensor tapsOf(const at::Tensor& weight) {
  return weight.reshape({weight.size(0), weight.size(2) * weight.size(3)}).t().contiguous();
}

template <typename Activation>
struct BatchNormDepthwise : torch::autograd::Function<BatchNormDepthwise<Activation>> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& normWeight, const at::Tensor& bias, const at::Tensor& weight,
                            const at::Tensor& runningMean, const at::Tensor& runningVar, Geometry g, double momentum,
                            double eps) {
    at::AutoDispatchBelowADInplaceOrView below;
    const at::Tensor statistics = batchStatistics(input, normWeight, bias, runningMean, runningVar, momentum, eps);
    const Statistics s(statistics);
    const at::Tensor taps = tapsOf(weight);
    at::Tensor output = at::empty({input.size(0), g.channels, g.outHeight, g.outWidth}, input.options(),
                                  at::MemoryFormat::ChannelsLast);
    const float *x = input.data_ptr<float>(), *w = taps.data_ptr<float>();
    float* out = output.data_ptr<float>();
    const auto convolveLine = g.kernel == 3 ? convolve3 : convolve5;
    const int64_t line = g.width * g.channels, outLine = g.outWidth * g.channels;
    parallelFor(input.size(0), rowsOf(input).imagesAThread(), [&](int64_t begin, int64_t end) {
      Window active(g);
      std::vector<float> kept(Activation::kKeeps ? line : 0), nothing(g.lineSize());
      std::array<const float*, kMostTaps> lines{};
      for (int64_t n = begin; n < end; n++) {
        int64_t made = 0;
        for (int64_t oy = 0; oy < g.outHeight; oy++) {
          const int64_t first = oy * g.stride - g.top;
          for (; made < std::min(first + g.kernel, g.height); made++)
            activateLine<Activation>(x + (n * g.height + made) * line, s.scale, s.shift, g.width, g.channels, kept.data(),
                                     active.inside(made));
          for (int64_t ky = 0; ky < g.kernel; ky++) {
            const bool isInside = first + ky >= 0 && first + ky < g.height;
            lines[ky] = isInside ? active.line(first + ky) : nothing.data();
          }
          convolveLine(lines.data(), w, g, out + (n * g.outHeight + oy) * outLine);
        }
      }
    });
    context->save_for_backward({input, statistics, weight});
    context->saved_data["place"] = std::vector<int64_t>{g.stride, g.top, g.left};
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "batch_norm_depthwise cannot be differentiated twice; use its parts");
    const auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &statistics = saved[1], &weight = saved[2];
    const at::Tensor outer = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const auto place = context->saved_data["place"].toIntVector();
    const Geometry g{input.size(1), input.size(2),  input.size(3), outer.size(2), outer.size(3),
                     weight.size(2), place[0], place[1], place[2]};
    const Rows rows{input.size(0), g.height * g.width, g.channels, g.channels};
    const Statistics s(statistics);
    const at::Tensor taps = tapsOf(weight);
    at::Tensor result = at::empty_like(input);
    const float *x = input.data_ptr<float>(), *dy = outer.data_ptr<float>(), *w = taps.data_ptr<float>();
    float* dz = result.data_ptr<float>();
    const auto spreadLine = g.kernel == 3 ? spread3 : spread5;
    const int64_t line = g.width * g.channels, outLine = g.outWidth * g.channels;
    const int64_t kernelSize = g.kernel * g.kernel * g.channels;

    std::vector<double> parts(2 * kParts * g.channels);
    std::vector<float> kernelParts(kParts * kernelSize);
    parallelFor(kParts, rows.partsAThread(), [&](int64_t begin, int64_t end) {
      Window active(g), activeGradient(g), kept(g, Activation::kKeeps);
      std::vector<float> run(2 * g.channels);
      std::array<const float*, kMostTaps> lines{};
      std::array<float*, kMostTaps> lineGradients{};
      for (int64_t part = begin; part < end; part++) {
        double *sum = parts.data() + 2 * part * g.channels, *product = sum + g.channels;
        for (int64_t n = rows.images * part / kParts; n < rows.images * (part + 1) / kParts; n++) {
          const int64_t image = n * g.height * line;
          int64_t made = 0, finished = 0, inRun = 0;
          const auto make = [&](int64_t until) {
            for (; made < until; made++) {
              activateLine<Activation>(x + image + made * line, s.scale, s.shift, g.width, g.channels, kept.inside(made),
                                       active.inside(made));
              activeGradient.clear(made);
            }
          };
          // No output that comes later sees these lines.
          const auto finish = [&](int64_t until) {
            for (; finished < until; finished++) {
              make(finished + 1);
              const int64_t at = image + finished * line;
              gradientLine<Activation>(x + at, kept.inside(finished), active.inside(finished),
                                       activeGradient.inside(finished), s.mean, g.width, g.channels, dz + at, run.data(),
                                       run.data() + g.channels);
              inRun += g.width;
              if (inRun < kRun && finished + 1 < g.height) continue;
              for (int64_t c = 0; c < g.channels; c++) {
                sum[c] += run[c];
                product[c] += run[g.channels + c];
              }
              std::fill(run.begin(), run.end(), 0.0f);
              inRun = 0;
            }
          };
          for (int64_t oy = 0; oy < g.outHeight; oy++) {
            const int64_t first = oy * g.stride - g.top;
            finish(std::min(first, g.height));
            make(std::min(first + g.kernel, g.height));
            for (int64_t ky = 0; ky < g.kernel; ky++) {
              const bool isInside = first + ky >= 0 && first + ky < g.height;
              lines[ky] = isInside ? active.line(first + ky) : nullptr;
              lineGradients[ky] = isInside ? activeGradient.line(first + ky) : nullptr;
            }
            spreadLine(dy + (n * g.outHeight + oy) * outLine, lines.data(), w, g, kernelParts.data() + part * kernelSize,
                       lineGradients.data());
          }
          finish(g.height);
        }
      }
    });
    std::vector<double> sum, product;
    foldParts(rows, parts, sum, product);
    const NormGradients norm(rowsOf(input), statistics, sum, product);
    finishGradient(input, statistics, norm, dz);

    at::Tensor weightGradient;
    if (context->needs_input_grad(3)) {
      const at::Tensor total = at::empty_like(taps);
      float* values = total.data_ptr<float>();
      for (int64_t i = 0; i < kernelSize; i++) {
        double value = 0;
        for (int64_t part = 0; part < kParts; part++) value += kernelParts[part * kernelSize + i];
        values[i] = static_cast<float>(value);
      }
      weightGradient = total.t().contiguous().view_as(weight);
    }
    const at::Tensor none;
    return {result, norm.weight, norm.bias, weightGradient, none, none, none, none, none};
  }
};

at::Tensor batchNormDepthwise(const at::Tensor& input, const at::Tensor& normWeight, const at::Tensor& bias,
                              const at::Tensor& runningMean, const at::Tensor& runningVar, const at::Tensor& weight,
                              int64_t stride, at::IntArrayRef padding, double momentum, double eps,
                              c10::string_view activation) {
  const at::Tensor map = input.contiguous(at::MemoryFormat::ChannelsLast);
  TORCH_CHECK(isChannelsLastFloat(map), "batch_norm_depthwise: expected a float32 map [N, C, H, W] on the CPU");
  const int64_t top = padding[0], left = padding[1];
  const int64_t kernel = weight.size(2);
  TORCH_CHECK(weight.size(3) == kernel && (kernel == 3 || kernel == 5) && map.size(1) % kLanes == 0 &&
                  stride >= 1 && stride <= 2 && top >= 0 && left >= 0,
              "batch_norm_depthwise: expected a 3 x 3 or 5 x 5 kernel, stride 1 or 2, and channels in sixteens");
  const int64_t height = map.size(2) + top + padding[2], width = map.size(3) + left + padding[3];
  TORCH_CHECK(height >= kernel && width >= kernel, "batch_norm_depthwise: the map is smaller than the kernel");
  const Geometry g{map.size(1), map.size(2), map.size(3), (height - kernel) / stride + 1, (width - kernel) / stride + 1,
                   kernel,      stride,      top,         left};
  return withActivation(activation, [&](auto kind) {
    return BatchNormDepthwise<decltype(kind)>::apply(map, normWeight, bias, weight, runningMean, runningVar, g, momentum,
                                                     eps);
  });
}

}  // namespace

// Input [N, C, H, W], weight [C, 1, K, K]; padding: top, left, bottom, right; the others as in batch_norm_activation.
TORCH_LIBRARY_FRAGMENT(graft, library) {
  library.def(
      "batch_norm_depthwise(Tensor input, Tensor norm_weight, Tensor bias, Tensor(a!) running_mean, Tensor(b!) "
      "running_var, Tensor weight, int stride, int[4] padding, float momentum, float eps, "
      "str activation) -> Tensor");
}
TORCH_LIBRARY_IMPL(graft, Autograd, library) { library.impl("batch_norm_depthwise", batchNormDepthwise); }

}  // namespace graft
