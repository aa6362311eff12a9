// Depthwise convolution with the batch norm and activation behind it at the end of each sum. Nothing is padded: at the
// borders a place sums over the taps that lie on the map.
#include "conv_norm.h"

#include <algorithm>
#include <array>
#include <vector>

#include "activation.h"
#include "parallel.h"
#include "vectors.h"

namespace graft {

#ifdef GRAFT_HAS_VECTORS

namespace {

constexpr int64_t kMostTaps = 5;  // along one side

// A line of the output. `lines`: of the input, null where the kernel lies outside.
struct Line {
  std::array<const float*, kMostTaps> lines;
  const float* taps;  // [K · K, channels]
  const float* skip;
  float* out;
};

template <typename Activation, typename Level>
GRAFT_INLINE void finish(const typename Level::Vector& sum, const Ending& e, const Line& l, int64_t c, int64_t place) {
  typename Level::Vector y = sum * vectorAt<Level>(e.scale + c) + vectorAt<Level>(e.shift + c);
  Activation::apply(y);
  if (l.skip) y += vectorAt<Level>(l.skip + place);
  vectorAt<Level>(l.out + place) = y;
}

// One place at a border.
template <typename Activation, typename Level, int K>
GRAFT_INLINE void border(const Line& l, const Ending& e, const DepthwiseShape& s, int64_t ox, int64_t c) {
  const int64_t x = ox * s.stride - s.left;
  typename Level::Vector sum = {};
  for (int ky = 0; ky < K; ky++) {
    if (!l.lines[ky]) continue;
    for (int kx = 0; kx < K; kx++)
      if (x + kx >= 0 && x + kx < s.width)
        sum += vectorAt<Level>(l.lines[ky] + (x + kx) * s.channels + c) * vectorAt<Level>(l.taps + (ky * K + kx) * s.channels + c);
  }
  finish<Activation, Level>(sum, e, l, c, ox * s.channels + c);
}

// Places [begin, end) whose kernels lie within the width; two at a time, so that one's additions fill the other's waits.
template <typename Activation, typename Level, int K>
GRAFT_INLINE void inner(const Line& l, const Ending& e, const DepthwiseShape& s, int64_t begin, int64_t end,
                        int64_t c) {
  typename Level::Vector w[K * K];
  for (int tap = 0; tap < K * K; tap++) w[tap] = vectorAt<Level>(l.taps + tap * s.channels + c);
  const int64_t step = s.stride * s.channels;
  int64_t ox = begin;
  for (; ox + 2 <= end; ox += 2) {
    const int64_t x = (ox * s.stride - s.left) * s.channels + c;
    typename Level::Vector one = {}, two = {};
    for (int ky = 0; ky < K; ky++)
      for (int kx = 0; kx < K; kx++) {
        const float* v = l.lines[ky] + x + kx * s.channels;
        one += vectorAt<Level>(v) * w[ky * K + kx];
        two += vectorAt<Level>(v + step) * w[ky * K + kx];
      }
    finish<Activation, Level>(one, e, l, c, ox * s.channels + c);
    finish<Activation, Level>(two, e, l, c, (ox + 1) * s.channels + c);
  }
  for (; ox < end; ox++) border<Activation, Level, K>(l, e, s, ox, c);
}

template <typename Activation, typename Level, int K>
GRAFT_INLINE void lineOf(const Line& l, const Ending& e, const DepthwiseShape& s) {
  bool isWhole = true;
  for (int ky = 0; ky < K; ky++) isWhole = isWhole && l.lines[ky];
  // The places whose kernels lie within the width.
  const int64_t begin = isWhole ? std::min((s.left + s.stride - 1) / s.stride, s.outWidth) : s.outWidth;
  const int64_t last = s.width + s.left - K;
  const int64_t end = last < 0 ? begin : std::clamp(last / s.stride + 1, begin, s.outWidth);
  for (int64_t c = 0; c + Level::kWidth <= s.channels; c += Level::kWidth) {
    for (int64_t ox = 0; ox < begin; ox++) border<Activation, Level, K>(l, e, s, ox, c);
    if (begin < end) inner<Activation, Level, K>(l, e, s, begin, end, c);
    for (int64_t ox = end; ox < s.outWidth; ox++) border<Activation, Level, K>(l, e, s, ox, c);
  }
}

template <typename Activation>
GRAFT_AVX512 void line512(const Line& l, const Ending& e, const DepthwiseShape& s) {
  if (s.kernel == 3) lineOf<Activation, Avx512, 3>(l, e, s);
  else lineOf<Activation, Avx512, 5>(l, e, s);
}
template <typename Activation>
GRAFT_AVX2 void line256(const Line& l, const Ending& e, const DepthwiseShape& s) {
  if (s.kernel == 3) lineOf<Activation, Avx2, 3>(l, e, s);
  else lineOf<Activation, Avx2, 5>(l, e, s);
}

// The channels from `first` on, which do not fill a vector.
template <typename Activation>
void rest(const Line& l, const Ending& e, const DepthwiseShape& s, int64_t first) {
  for (int64_t ox = 0; ox < s.outWidth; ox++)
    for (int64_t c = first; c < s.channels; c++) {
      float sum = 0;
      for (int64_t ky = 0; ky < s.kernel; ky++)
        for (int64_t kx = 0; kx < s.kernel; kx++) {
          const int64_t x = ox * s.stride - s.left + kx;
          if (l.lines[ky] && x >= 0 && x < s.width)
            sum += l.lines[ky][x * s.channels + c] * l.taps[(ky * s.kernel + kx) * s.channels + c];
        }
      const int64_t place = ox * s.channels + c;
      l.out[place] = Activation::value(sum * e.scale[c] + e.shift[c]) + (l.skip ? l.skip[place] : 0.0f);
    }
}

}  // namespace

template <typename Activation>
void depthwise(const float* input, const float* weight, const DepthwiseShape& s, const Ending& e) {
  const int64_t count = s.kernel * s.kernel;
  std::vector<float> taps(count * s.channels);
  for (int64_t c = 0; c < s.channels; c++)
    for (int64_t tap = 0; tap < count; tap++) taps[tap * s.channels + c] = weight[c * count + tap];
  const bool isWide = hasAvx512();
  const int64_t width = isWide ? Avx512::kWidth : Avx2::kWidth;
  const int64_t whole = s.channels / width * width;
  const int64_t inLine = s.width * s.channels, outLine = s.outWidth * s.channels;
  const int64_t worth = 65536 / (outLine * count) + 1;
  parallelFor(s.images * s.outHeight, worth, [&](int64_t begin, int64_t end) {
    const auto one = isWide ? line512<Activation> : line256<Activation>;
    for (int64_t row = begin; row < end; row++) {
      const int64_t image = row / s.outHeight, first = row % s.outHeight * s.stride - s.top;
      Line l{{}, taps.data(), e.skip ? e.skip + row * outLine : nullptr, e.out + row * outLine};
      for (int64_t ky = 0; ky < s.kernel; ky++) {
        const int64_t y = first + ky;
        l.lines[ky] = y >= 0 && y < s.height ? input + (image * s.height + y) * inLine : nullptr;
      }
      one(l, e, s);
      if (whole < s.channels) rest<Activation>(l, e, s, whole);
    }
  });
}

#else

template <typename Activation>
void depthwise(const float*, const float*, const DepthwiseShape&, const Ending&) {}

#endif

template void depthwise<Identity>(const float*, const float*, const DepthwiseShape&, const Ending&);
template void depthwise<Silu>(const float*, const float*, const DepthwiseShape&, const Ending&);
template void depthwise<Relu>(const float*, const float*, const DepthwiseShape&, const Ending&);
template void depthwise<Relu6>(const float*, const float*, const DepthwiseShape&, const Ending&);

}  // namespace graft
