// CLAHE of one picture's lightness, as OpenCV computes it (`clahe.ts` says how, and where the numbers come from).
#include <algorithm>
#include <cmath>

#include "augment.h"
#include "vector_math.h"

namespace graft {
namespace {

constexpr int kLevels = 256;

// Linear sRGB to XYZ, each divided by the white point's, and back.
constexpr double kWhiteX = 0.950456, kWhiteZ = 1.088754;
constexpr float kToXyz[3][3] = {{float(0.412453 / kWhiteX), float(0.35758 / kWhiteX), float(0.180423 / kWhiteX)},
                                {0.212671f, 0.71516f, 0.072169f},
                                {float(0.019334 / kWhiteZ), float(0.119193 / kWhiteZ), float(0.950227 / kWhiteZ)}};
constexpr float kToRgb[3][3] = {{float(3.240479 * kWhiteX), -1.53715f, float(-0.498535 * kWhiteZ)},
                                {float(-0.969256 * kWhiteX), 1.875991f, float(0.041556 * kWhiteZ)},
                                {float(0.055648 * kWhiteX), -0.204043f, float(1.057311 * kWhiteZ)}};

// L* = 116 f(Y) − 16 in [0, 100], as levels of 255.
constexpr float kLevelsPerF = 116 * 2.55, kLevelsAtBlack = 16 * 2.55;

GRAFT_INLINE float atMost(float x, float limit) { return x > limit ? limit : x; }
GRAFT_INLINE float atLeast(float x, float limit) { return x < limit ? limit : x; }

GRAFT_INLINE float toLinear(float x) {
  const float line = (atMost(x, 0.04045f) - 0.04045f) * float(1 / 12.92);
  return line + power((atLeast(x, 0.04045f) + 0.055f) / 1.055f, 2.4f);
}

GRAFT_INLINE float toCurve(float t) {
  constexpr float kLimit = float(6.0 * 6 * 6 / (29.0 * 29 * 29)), kSlope = float(29.0 * 29 / (6 * 6) / 3);
  const float line = (atMost(t, kLimit) - kLimit) * kSlope;
  return line + power(atLeast(t, kLimit), float(1.0 / 3));
}

GRAFT_INLINE float fromCurve(float f) {
  constexpr float kLimit = float(6.0 / 29), kSlope = float(3 * 6.0 * 6 / (29 * 29));
  const float line = (atMost(f, kLimit) - kLimit) * kSlope, upper = atLeast(f, kLimit);
  return line + upper * upper * upper;
}

GRAFT_INLINE float toEncoded(float linear) {
  const float x = atMost(atLeast(linear, 0.0f), 1.0f);
  const float line = (atMost(x, 0.0031308f) - 0.0031308f) * 12.92f;
  const float encoded = line + (power(atLeast(x, 0.0031308f), float(1 / 2.4)) * 1.055f - 0.055f);
  return atMost(atLeast(encoded, 0.0f), 1.0f);
}

// In place, RGB to f(X), f(Y), f(Z) of CIE 1976 L*a*b*; lightness in whole levels.
GRAFT_KERNEL void toLab(float* __restrict first, float* __restrict second, float* __restrict third, int64_t count,
                        int32_t* __restrict level) {
  for (int64_t i = 0; i < count; i++) {
    const float r = toLinear(first[i]), g = toLinear(second[i]), b = toLinear(third[i]);
    const float fx = toCurve(kToXyz[0][0] * r + kToXyz[0][1] * g + kToXyz[0][2] * b);
    const float fy = toCurve(kToXyz[1][0] * r + kToXyz[1][1] * g + kToXyz[1][2] * b);
    const float fz = toCurve(kToXyz[2][0] * r + kToXyz[2][1] * g + kToXyz[2][2] * b);
    const float lightness = (fy * kLevelsPerF - kLevelsAtBlack + kRounding) - kRounding;
    first[i] = fx;
    second[i] = fy;
    third[i] = fz;
    level[i] = static_cast<int32_t>(atMost(atLeast(lightness, 0.0f), kLevels - 1.0f));
  }
}

// A row: its new levels between the curves of the tiles above and below, each between two side by side; then back to
// RGB, in place. @param left, right where the curves of a pixel's two columns begin
GRAFT_KERNEL void equalizeRow(const int32_t* __restrict level, const float* __restrict above,
                              const float* __restrict below, const int32_t* __restrict left,
                              const int32_t* __restrict right, const float* __restrict across, float down,
                              int64_t count, float* __restrict first, float* __restrict second,
                              float* __restrict third) {
  for (int64_t i = 0; i < count; i++) {
    const int32_t from = left[i] + level[i], to = right[i] + level[i];
    const float a = above[from], c = below[from];
    const float upper = a + (above[to] - a) * across[i];
    const float lower = c + (below[to] - c) * across[i];
    const float change = (upper + (lower - upper) * down - static_cast<float>(level[i])) * float(1 / (116 * 2.55));
    const float x = fromCurve(first[i] + change), y = fromCurve(second[i] + change), z = fromCurve(third[i] + change);
    first[i] = toEncoded(kToRgb[0][0] * x + kToRgb[0][1] * y + kToRgb[0][2] * z);
    second[i] = toEncoded(kToRgb[1][0] * x + kToRgb[1][1] * y + kToRgb[1][2] * z);
    third[i] = toEncoded(kToRgb[2][0] * x + kToRgb[2][1] * y + kToRgb[2][2] * z);
  }
}

// One tile's curve: its histogram clipped, what was clipped spread over all levels, and summed up.
void makeCurve(const int32_t* histogram, int64_t area, double clipLimit, float* curve) {
  const int64_t limit = std::max<int64_t>(1, static_cast<int64_t>(clipLimit * static_cast<double>(area) / kLevels));
  int64_t kept = 0;
  for (int level = 0; level < kLevels; level++) kept += std::min<int64_t>(histogram[level], limit);
  const int64_t excess = area - kept, each = excess / kLevels, rest = excess % kLevels;
  // What does not divide goes to every so many levels, from 0 on, one each.
  const int64_t stride = rest > 0 ? std::max<int64_t>(1, kLevels / rest) : kLevels;
  const float scale = (kLevels - 1) / static_cast<float>(area);
  int64_t sum = 0, given = 0, next = 0;
  for (int level = 0; level < kLevels; level++) {
    sum += std::min<int64_t>(histogram[level], limit) + each;
    if (level == next && given < rest) {
      sum++;
      given++;
      next += stride;
    }
    const float rounded = (static_cast<float>(sum) * scale + kRounding) - kRounding;
    curve[level] = atMost(rounded, kLevels - 1.0f);
  }
}

// Between which two tiles the pixels of an axis lie, and how near to the second.
struct Neighbours {
  std::vector<int32_t> first, second;
  std::vector<float> share;

  Neighbours(int64_t length, int64_t tile, int64_t tiles, int64_t stride) {
    for (int64_t i = 0; i < length; i++) {
      const double place = static_cast<double>(i) / static_cast<double>(tile) - 0.5;
      const auto low = static_cast<int64_t>(std::floor(place));
      first.push_back(static_cast<int32_t>(std::max<int64_t>(0, low) * stride));
      second.push_back(static_cast<int32_t>(std::min(tiles - 1, low + 1) * stride));
      share.push_back(static_cast<float>(place - std::floor(place)));
    }
  }
};

}  // namespace

void equalizeTiles(Picture& picture, double clipLimit, int64_t tiles) {
  if (picture.colours == 1) {
    // Lightness is defined for colours: grey is three equal ones.
    const int64_t size = picture.area();
    std::vector<float> planes(3 * size), spare(3 * size);
    for (int64_t plane = 0; plane < 3; plane++) std::copy_n(picture.pixels, size, planes.data() + plane * size);
    Picture colour{3, picture.height, picture.width, planes.data(), spare.data(), picture.scratch};
    equalizeTiles(colour, clipLimit, tiles);
    std::copy_n(colour.pixels + size, size, picture.pixels);
    return;
  }
  const int64_t height = picture.height, width = picture.width, area = picture.area();
  // OpenCV pads both sides where one does not divide, by a whole `tiles` where the other does.
  const bool divides = height % tiles == 0 && width % tiles == 0;
  const int64_t tileHeight = divides ? height / tiles : height / tiles + 1;
  const int64_t tileWidth = divides ? width / tiles : width / tiles + 1;

  float *first = picture.pixels, *second = first + area, *third = second + area;
  auto* level = reinterpret_cast<int32_t*>(picture.spare);
  toLab(first, second, third, area, level);

  float* curves = picture.scratchOf(2 * tiles * tiles * kLevels);  // [tiles, tiles, 256]
  auto* histograms = reinterpret_cast<int32_t*>(curves + tiles * tiles * kLevels);
  std::fill_n(histograms, tiles * tiles * kLevels, 0);
  for (int64_t y = 0; y < tiles * tileHeight; y++) {
    const int32_t* row = level + mirroredIndex(y, height) * width;
    int32_t* histogram = histograms + y / tileHeight * tiles * kLevels;
    for (int64_t tile = 0; tile < tiles; tile++, histogram += kLevels)
      for (int64_t x = tile * tileWidth; x < (tile + 1) * tileWidth; x++) histogram[row[mirroredIndex(x, width)]]++;
  }
  for (int64_t tile = 0; tile < tiles * tiles; tile++)
    makeCurve(histograms + tile * kLevels, tileHeight * tileWidth, clipLimit, curves + tile * kLevels);

  const Neighbours columns(width, tileWidth, tiles, kLevels), rows(height, tileHeight, tiles, tiles * kLevels);
  for (int64_t y = 0; y < height; y++) {
    const int64_t start = y * width;
    equalizeRow(level + start, curves + rows.first[y], curves + rows.second[y], columns.first.data(),
                columns.second.data(), columns.share.data(), rows.share[y], width, first + start, second + start,
                third + start);
  }
}

}  // namespace graft
