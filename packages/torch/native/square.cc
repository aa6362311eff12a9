// Squares from pixels: Lanczos (a = 3; Duchon 1979) along columns and rows.
#include "square.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernel.h"

#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace graft {
namespace {

constexpr double kLobes = 3;
constexpr int64_t kColours = 3;
// Lines of numbers are so many times as long, and the rest is not looked at.
constexpr int64_t kPad = 32;

// Along one axis, in pixels of the file: where the square begins, and how many pixels become one.
struct Axis {
  double start, scale;
};

// The whole side, squashed to `side` pixels.
Axis wholeAxis(int length, int64_t side) { return {0, static_cast<double>(length) / side}; }

// The middle of a side: as sharp cuts it out, in whole pixels after resizing.
Axis middleAxis(int length, double scale, int64_t side) {
  const double resized = std::floor(length / scale + 0.5);
  const double left = std::floor((resized - side + 1) / 2);
  return {length / 2.0 + (left - resized / 2) * scale, scale};
}

double lanczos(double x) {
  if (x == 0) return 1;
  if (std::abs(x) >= kLobes) return 0;
  return kLobes * std::sin(M_PI * x) * std::sin(M_PI * x / kLobes) / (M_PI * M_PI * x * x);
}

// For lines that are `fraction` times as many as the axis' pixels.
LineWeights makeWeights(const Axis& axis, double fraction, int lines, int64_t side) {
  const double scale = axis.scale * fraction, start = axis.start * fraction;
  LineWeights w;
  w.taps = std::min(lines, static_cast<int>(std::ceil(2 * kLobes * scale)) + 1);
  w.begin = lines;
  for (int64_t i = 0; i < side; i++) {
    const double centre = start + (i + 0.5) * scale;  // lines have their centres at n + ½
    const int reach = static_cast<int>(std::ceil(centre - 0.5 - kLobes * scale));
    const int first = std::max(0, std::min(reach, lines - w.taps));
    double sum = 0;
    std::vector<double> values(w.taps);
    for (int t = 0; t < w.taps; t++) sum += values[t] = lanczos((first + t + 0.5 - centre) / scale);
    for (const double value : values) w.value.push_back(static_cast<float>(value / sum));
    w.first.push_back(first);
    w.begin = std::min(w.begin, first);
    w.end = std::max(w.end, first + w.taps);
  }
  return w;
}

// Each line of the result a weighted sum of lines that are `step` numbers apart: out[side][length], from lines that
// begin at w.begin. length: a multiple of kPad, so that sums stay in registers. strip: room for kPad of each line.
template <typename T>
GRAFT_INLINE void mix(const T* __restrict lines, int64_t step, int64_t length, const LineWeights& w, int64_t side,
                      float* __restrict strip, float* __restrict out) {
  for (int64_t x = 0; x < length; x += kPad) {
    for (int64_t y = 0; y < w.end - w.begin; y++)
      for (int64_t lane = 0; lane < kPad; lane++) strip[y * kPad + lane] = lines[y * step + x + lane];
    for (int64_t i = 0; i < side; i++) {
      const float* from = strip + (w.first[i] - w.begin) * kPad;
      const float* weight = w.value.data() + i * w.taps;
      float sum[kPad] = {};
      for (int64_t t = 0; t < w.taps; t++)
        for (int64_t lane = 0; lane < kPad; lane++) sum[lane] += weight[t] * from[t * kPad + lane];
      std::memcpy(out + i * length + x, sum, sizeof sum);
    }
  }
}

GRAFT_KERNEL void mixPixels(const uint8_t* __restrict lines, int64_t step, int64_t length, const LineWeights& w,
                            int64_t side, float* __restrict strip, float* __restrict out) {
  mix(lines, step, length, w, side, strip, out);
}

GRAFT_KERNEL void mixNumbers(const float* __restrict lines, int64_t step, int64_t length, const LineWeights& w,
                             int64_t side, float* __restrict strip, float* __restrict out) {
  mix(lines, step, length, w, side, strip, out);
}

// To whole numbers from 0 to 255.
GRAFT_KERNEL void round(const float* __restrict values, int64_t count, uint8_t* __restrict out) {
  for (int64_t i = 0; i < count; i++) {
    const float positive = values[i] < 0.0f ? 0.0f : values[i];
    out[i] = static_cast<uint8_t>(static_cast<int>((positive > 255.0f ? 255.0f : positive) + 0.5f));
  }
}

// from[rows][stride] → to[columns][rowsTo], in tiles that fit the registers.
template <typename T>
void transpose(const T* from, int64_t rows, int64_t columns, int64_t stride, T* to, int64_t rowsTo) {
  constexpr int64_t kTile = 8;
  for (int64_t top = 0; top < rows; top += kTile)
    for (int64_t left = 0; left < columns; left += kTile) {
      const T* corner = from + top * stride + left;
      T* other = to + left * rowsTo + top;
      if (rows - top >= kTile && columns - left >= kTile) {
        for (int64_t x = 0; x < kTile; x++)
          for (int64_t y = 0; y < kTile; y++) other[x * rowsTo + y] = corner[y * stride + x];
      } else {
        for (int64_t x = 0; x < std::min(kTile, columns - left); x++)
          for (int64_t y = 0; y < std::min(kTile, rows - top); y++) other[x * rowsTo + y] = corner[y * stride + x];
      }
    }
}

int64_t padded(int64_t length) { return (length + kPad - 1) / kPad * kPad; }

}  // namespace

bool Squarer::make(const uint8_t* bytes, size_t size, uint8_t* out) {
  if (!decodeJpeg(bytes, size, side_, image_)) return false;
  plan();
  // What is used of a line, its colours interleaved: as many numbers as columns of the result are mixed from.
  const int64_t numbers = kColours * (across_.end - across_.begin);
  const int64_t length = padded(numbers), sideLength = padded(side_), step = kColours * image_.width;
  image_.rgb.resize(image_.rgb.size() + kPad);  // the last line's padding
  strip_.resize(kPad * std::max(down_.end - down_.begin, across_.end - across_.begin));
  lines_.resize(side_ * length);
  turned_.resize(numbers * sideLength);
  square_.resize(side_ * sideLength);
  bytes_.resize(side_ * sideLength);
  mixPixels(image_.rgb.data() + down_.begin * step + kColours * across_.begin, step, length, down_, side_,
            strip_.data(), lines_.data());
  transpose(lines_.data(), side_, numbers, length, turned_.data(), sideLength);
  for (int64_t c = 0; c < kColours; c++) {
    mixNumbers(turned_.data() + c * sideLength, kColours * sideLength, sideLength, across_, side_, strip_.data(),
               square_.data());
    round(square_.data(), side_ * sideLength, bytes_.data());
    transpose(bytes_.data(), side_, side_, sideLength, out + c * side_ * side_, side_);
  }
  return true;
}

// Weights are the same for all files of one size.
void Squarer::plan() {
  const int width = image_.fileWidth, height = image_.fileHeight;
  const std::array<int, 3> wanted{width, height, image_.eighths};
  if (wanted == planned_) return;
  const double scale = static_cast<double>(std::min(width, height)) / side_;
  const Axis x = isWhole_ ? wholeAxis(width, side_) : middleAxis(width, scale, side_);
  const Axis y = isWhole_ ? wholeAxis(height, side_) : middleAxis(height, scale, side_);
  across_ = makeWeights(x, image_.eighths / 8.0, image_.width, side_);
  down_ = makeWeights(y, image_.eighths / 8.0, image_.height, side_);
  planned_ = wanted;
}

}  // namespace graft
