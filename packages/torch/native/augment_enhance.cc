// RandAugment's operations on one picture's values: levels stretched, equalised, cut and turned; and enhancements, blends with a
// poorer picture. Formulas: `levels.ts`, `enhance.ts`, which are Pillow's.
#include <algorithm>
#include <cmath>

#include "augment.h"
#include "vector_math.h"

namespace graft {
namespace {

constexpr int kLevels = 256;
constexpr float kTop = kLevels - 1;
// ITU-R 601-2 luma.
constexpr float kRed = 0.299f, kGreen = 0.587f, kBlue = 0.114f;

GRAFT_INLINE float clipped(float x) {
  const float low = x < 0.0f ? 0.0f : x;
  return low > 1.0f ? 1.0f : low;
}

// A whole level from 0 to 255.
GRAFT_INLINE float levelOf(float x) { return (x * kTop + kRounding) - kRounding; }

GRAFT_INLINE float awayFrom(float poor, float x, float factor) { return clipped((x - poor) * factor + poor); }

GRAFT_KERNEL void stretch(float* __restrict x, int64_t count, float low, float range) {
  for (int64_t i = 0; i < count; i++) x[i] = (x[i] - low) / range;
}

GRAFT_KERNEL void toLevels(const float* __restrict x, int64_t count, int32_t* __restrict level) {
  for (int64_t i = 0; i < count; i++) {
    const float at = levelOf(x[i]);
    const float low = at < 0.0f ? 0.0f : at;
    level[i] = static_cast<int32_t>(low > kTop ? kTop : low);
  }
}

GRAFT_KERNEL void keepBits(float* __restrict x, int64_t count, float step) {
  const float perStep = 1.0f / step;  // a power of two
  for (int64_t i = 0; i < count; i++) {
    const auto whole = static_cast<float>(static_cast<int32_t>(levelOf(x[i]) * perStep));
    x[i] = whole * step / kTop;
  }
}

GRAFT_KERNEL void turnBright(float* __restrict x, int64_t count, float threshold) {
  for (int64_t i = 0; i < count; i++) x[i] = x[i] >= threshold ? 1.0f - x[i] : x[i];
}

GRAFT_KERNEL void awayFromOne(float* __restrict x, int64_t count, float poor, float factor) {
  for (int64_t i = 0; i < count; i++) x[i] = awayFrom(poor, x[i], factor);
}

GRAFT_KERNEL void awayFromLuma(float* __restrict reds, float* __restrict greens, float* __restrict blues, int64_t count,
                               float factor) {
  for (int64_t i = 0; i < count; i++) {
    const float luma = reds[i] * kRed + greens[i] * kGreen + blues[i] * kBlue;
    reds[i] = awayFrom(luma, reds[i], factor);
    greens[i] = awayFrom(luma, greens[i], factor);
    blues[i] = awayFrom(luma, blues[i], factor);
  }
}

GRAFT_KERNEL void lumaOf(const float* __restrict reds, const float* __restrict greens, const float* __restrict blues,
                         int64_t count, float* __restrict luma) {
  for (int64_t i = 0; i < count; i++) luma[i] = reds[i] * kRed + greens[i] * kGreen + blues[i] * kBlue;
}

// A row without its ends, away from its mean with its neighbours, itself counting five times.
GRAFT_KERNEL void sharpenRow(const float* __restrict above, const float* __restrict row, const float* __restrict below,
                             int64_t width, float factor, float* __restrict out) {
  constexpr float kSide = 1.0f / 13.0f, kMiddle = 5.0f / 13.0f;
  for (int64_t x = 1; x < width - 1; x++) {
    const float around = above[x - 1] + above[x] + above[x + 1] + row[x - 1] + row[x + 1] + below[x - 1] + below[x] +
                         below[x + 1];
    out[x] = awayFrom(around * kSide + row[x] * kMiddle, row[x], factor);
  }
}

// A plane's levels → what they become; as they are where too few pixels are below the brightest.
void makeEqualizingCurve(const int32_t* level, int64_t area, float* curve) {
  int64_t histogram[kLevels] = {};
  for (int64_t i = 0; i < area; i++) histogram[level[i]]++;
  int brightest = kLevels - 1;
  while (histogram[brightest] == 0) brightest--;
  const int64_t step = (area - histogram[brightest]) / (kLevels - 1);
  int64_t below = step / 2;
  for (int i = 0; i < kLevels; i++) {
    curve[i] = static_cast<float>(step == 0 ? i : std::min<int64_t>(below / step, kLevels - 1)) / kTop;
    below += histogram[i];
  }
}

}  // namespace

void stretchContrast(Picture& picture) {
  const int64_t area = picture.area();
  for (int64_t plane = 0; plane < picture.colours; plane++) {
    float* pixels = picture.pixels + plane * area;
    const auto [low, high] = std::minmax_element(pixels, pixels + area);
    if (*low < *high) stretch(pixels, area, *low, *high - *low);
  }
}

void equalizeLevels(Picture& picture) {
  const int64_t area = picture.area();
  auto* level = reinterpret_cast<int32_t*>(picture.scratchOf(area));
  float curve[kLevels];
  for (int64_t plane = 0; plane < picture.colours; plane++) {
    float* pixels = picture.pixels + plane * area;
    toLevels(pixels, area, level);
    makeEqualizingCurve(level, area, curve);
    for (int64_t i = 0; i < area; i++) pixels[i] = curve[level[i]];
  }
}

void posterize(Picture& picture, int bits) {
  keepBits(picture.pixels, picture.colours * picture.area(), static_cast<float>(1 << (8 - bits)));
}

void solarize(Picture& picture, float threshold) {
  turnBright(picture.pixels, picture.colours * picture.area(), threshold);
}

void adjustColour(Picture& picture, float factor) {
  if (picture.colours == 1) return;  // grey is its own luma
  const int64_t area = picture.area();
  awayFromLuma(picture.pixels, picture.pixels + area, picture.pixels + 2 * area, area, factor);
}

void adjustContrast(Picture& picture, float factor) {
  const int64_t area = picture.area();
  const float* luma = picture.pixels;
  if (picture.colours == 3) {
    float* scratch = picture.scratchOf(area);
    lumaOf(picture.pixels, picture.pixels + area, picture.pixels + 2 * area, area, scratch);
    luma = scratch;
  }
  double sum = 0;
  for (int64_t i = 0; i < area; i++) sum += luma[i];
  awayFromOne(picture.pixels, picture.colours * area, static_cast<float>(sum / static_cast<double>(area)), factor);
}

void adjustSharpness(Picture& picture, float factor) {
  const int64_t height = picture.height, width = picture.width, area = picture.area();
  std::copy_n(picture.pixels, picture.colours * area, picture.spare);  // the outermost pixels stay
  for (int64_t plane = 0; plane < picture.colours; plane++)
    for (int64_t y = 1; y < height - 1; y++) {
      const float* row = picture.pixels + plane * area + y * width;
      sharpenRow(row - width, row, row + width, width, factor, picture.spare + (row - picture.pixels));
    }
  picture.finishSpare();
}

}  // namespace graft
