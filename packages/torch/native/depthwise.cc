// Depthwise convolution with a fast weight gradient on the CPU.
//
// oneDNN (2.6, in libtorch 1.13) falls back to its reference loops for the weight gradient of 5 × 5 depthwise kernels
// and of small maps: 10 to 40 times slower than this with AVX-512, 20 to 150 times with AVX2. In channels-last memory
// the gradient is a plain sum of products over channels that lie side by side. The forward pass, the input gradient
// and the 3 × 3 kernels on larger maps stay libtorch's.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "kernel.h"
#include "parallel.h"

namespace graft {
namespace {

struct Shape {
  int64_t batch, channels, height, width, outHeight, outWidth;
  int64_t kernelHeight, kernelWidth, strideY, strideX, padY, padX;
};

constexpr int64_t kBlock = 32;  // channels summed together: the sums of a 5 × 5 kernel fit the first-level cache

// Sums of a block of kBlock channels from `first` on: sums[tap][channel] += gradient · input over images and places.
GRAFT_KERNEL void sumBlock(const float* __restrict gradient, const float* __restrict input, const Shape s, int64_t first,
                           float* __restrict sums) {
  for (int64_t n = 0; n < s.batch; n++) {
    for (int64_t oy = 0; oy < s.outHeight; oy++) {
      for (int64_t ox = 0; ox < s.outWidth; ox++) {
        const float* g = gradient + ((n * s.outHeight + oy) * s.outWidth + ox) * s.channels + first;
        for (int64_t ky = 0; ky < s.kernelHeight; ky++) {
          const int64_t y = oy * s.strideY - s.padY + ky;
          if (y < 0 || y >= s.height) continue;
          for (int64_t kx = 0; kx < s.kernelWidth; kx++) {
            const int64_t x = ox * s.strideX - s.padX + kx;
            if (x < 0 || x >= s.width) continue;
            const float* v = input + ((n * s.height + y) * s.width + x) * s.channels + first;
            float* sum = sums + (ky * s.kernelWidth + kx) * kBlock;
            for (int64_t c = 0; c < kBlock; c++) sum[c] += g[c] * v[c];
          }
        }
      }
    }
  }
}

// The channels that do not fill a block.
void sumRest(const float* gradient, const float* input, const Shape& s, int64_t first, int64_t count, float* sums) {
  for (int64_t n = 0; n < s.batch; n++)
    for (int64_t oy = 0; oy < s.outHeight; oy++)
      for (int64_t ox = 0; ox < s.outWidth; ox++)
        for (int64_t ky = 0; ky < s.kernelHeight; ky++)
          for (int64_t kx = 0; kx < s.kernelWidth; kx++) {
            const int64_t y = oy * s.strideY - s.padY + ky, x = ox * s.strideX - s.padX + kx;
            if (y < 0 || y >= s.height || x < 0 || x >= s.width) continue;
            const float* g = gradient + ((n * s.outHeight + oy) * s.outWidth + ox) * s.channels + first;
            const float* v = input + ((n * s.height + y) * s.width + x) * s.channels + first;
            for (int64_t c = 0; c < count; c++) sums[(ky * s.kernelWidth + kx) * kBlock + c] += g[c] * v[c];
          }
}

at::Tensor weightGradient(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight,
                          at::IntArrayRef stride, at::IntArrayRef padding) {
  const Shape s{input.size(0),  input.size(1),  input.size(2), input.size(3), gradient.size(2), gradient.size(3),
                weight.size(2), weight.size(3), stride[0],     stride[1],     padding[0],       padding[1]};
  at::Tensor result = at::zeros(weight.sizes(), weight.options());
  const float* g = gradient.data_ptr<float>();
  const float* v = input.data_ptr<float>();
  float* out = result.data_ptr<float>();
  const int64_t taps = s.kernelHeight * s.kernelWidth;
  const int64_t blocks = (s.channels + kBlock - 1) / kBlock;
  parallelFor(blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> sums(taps * kBlock);
    for (int64_t block = begin; block < end; block++) {
      const int64_t first = block * kBlock;
      const int64_t count = std::min(kBlock, s.channels - first);
      std::fill(sums.begin(), sums.end(), 0.0f);
      if (count == kBlock) sumBlock(g, v, s, first, sums.data());
      else sumRest(g, v, s, first, count, sums.data());
      for (int64_t c = 0; c < count; c++)
        for (int64_t tap = 0; tap < taps; tap++) out[(first + c) * taps + tap] = sums[tap * kBlock + c];
    }
  });
  return result;
}

// Where this is the faster one. With a graph of the gradients (double backward) it is libtorch's turn: ours is not
// differentiable.
bool isFastCase(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& gradient) {
  return input.device().is_cpu() && input.scalar_type() == at::kFloat && gradient.scalar_type() == at::kFloat &&
         weight.scalar_type() == at::kFloat && input.is_contiguous(at::MemoryFormat::ChannelsLast) &&
         (weight.size(2) > 3 || weight.size(3) > 3 || gradient.size(2) < 4 || gradient.size(3) < 4) &&
         !at::GradMode::is_enabled();
}

struct DepthwiseConv : torch::autograd::Function<DepthwiseConv> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            std::vector<int64_t> stride, std::vector<int64_t> padding) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({input, weight});
    at::Tensor output = at::conv2d(input, weight, {}, stride, padding, 1, input.size(1));
    context->saved_data["stride"] = std::move(stride);
    context->saved_data["padding"] = std::move(padding);
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1];
    const auto stride = context->saved_data["stride"].toIntVector();
    const auto padding = context->saved_data["padding"].toIntVector();
    at::Tensor gradient = gradients[0];
    const bool fast = isFastCase(input, weight, gradient);
    const bool needsInput = context->needs_input_grad(0), needsWeight = context->needs_input_grad(1);
    at::Tensor inputGradient, weightGradientResult;
    if (fast) gradient = gradient.contiguous(at::MemoryFormat::ChannelsLast);
    const bool plainWeight = needsWeight && !fast;
    if (needsInput || plainWeight) {
      const std::vector<int64_t> one{1, 1}, zero{0, 0};
      auto result = at::convolution_backward(gradient, input, weight, at::OptionalIntArrayRef{}, stride, padding, one, false, zero,
                                             input.size(1), {needsInput, plainWeight, false});
      inputGradient = std::get<0>(result);
      weightGradientResult = std::get<1>(result);
    }
    if (needsWeight && fast) weightGradientResult = weightGradient(gradient, input, weight, stride, padding);
    return {inputGradient, weightGradientResult, at::Tensor(), at::Tensor()};
  }
};

at::Tensor depthwiseConv(const at::Tensor& input, const at::Tensor& weight, at::IntArrayRef stride,
                         at::IntArrayRef padding) {
  return DepthwiseConv::apply(input, weight, stride.vec(), padding.vec());
}

}  // namespace

// Input [N, C, H, W], weight [C, 1, kH, kW].
TORCH_LIBRARY_FRAGMENT(graft, library) {
  library.def("depthwise_conv2d(Tensor input, Tensor weight, int[2] stride, int[2] padding) -> Tensor");
}
TORCH_LIBRARY_IMPL(graft, Autograd, library) { library.impl("depthwise_conv2d", depthwiseConv); }

}  // namespace graft
