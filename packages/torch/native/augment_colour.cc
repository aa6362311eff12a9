// Changes of one picture's pixels by themselves: levels, hue–saturation–value, noise, holes. Formulas: `colour.ts`,
// `noise.ts`.
#include <algorithm>
#include <cmath>

#include "augment.h"
#include "vector_math.h"

namespace graft {
namespace {

constexpr float kTiny = 1e-12f;  // the least that is divided by

GRAFT_INLINE float clipped(float x) {
  const float low = x < 0.0f ? 0.0f : x;
  return low > 1.0f ? 1.0f : low;
}

// x − ⌊x⌋
GRAFT_INLINE float fractionOf(float x) {
  const float rest = x - static_cast<float>(static_cast<int32_t>(x));
  return rest < 0.0f ? rest + 1.0f : rest;
}

GRAFT_KERNEL void fromBytes(const uint8_t* __restrict bytes, int64_t count, float* __restrict out) {
  for (int64_t i = 0; i < count; i++) out[i] = static_cast<float>(bytes[i]) / 255.0f;
}

GRAFT_KERNEL void levels(float* __restrict x, int64_t count, float gain, float bias) {
  for (int64_t i = 0; i < count; i++) x[i] = clipped(x[i] * gain + bias);
}

GRAFT_KERNEL void hsv(float* __restrict reds, float* __restrict greens, float* __restrict blues, int64_t count,
                      float hueShift, float saturationShift, float valueShift) {
  for (int64_t i = 0; i < count; i++) {
    const float red = reds[i], green = greens[i], blue = blues[i];
    const float most = red > green ? red : green, least = red < green ? red : green;
    const float value = most > blue ? most : blue;
    const float chroma = value - (least < blue ? least : blue);
    // The largest channel decides the third of the circle; equal ones agree on the border between theirs.
    const float ofGreen = (blue - red) + 2.0f * chroma, ofBlue = (red - green) + 4.0f * chroma;
    const float ofOthers = green == value ? ofGreen : ofBlue;
    const float sixths = red == value ? green - blue : ofOthers;
    const float hue = fractionOf(sixths / (chroma > kTiny ? chroma : kTiny) * (1.0f / 6.0f)) + hueShift;
    const float saturation = clipped(chroma / (value > kTiny ? value : kTiny) + saturationShift);
    const float newValue = clipped(value + valueShift);
    const float newChroma = newValue * saturation;
    const float kr = fractionOf(hue + 5.0f / 6.0f) * 6.0f;
    const float kg = fractionOf(hue + 3.0f / 6.0f) * 6.0f;
    const float kb = fractionOf(hue + 1.0f / 6.0f) * 6.0f;
    reds[i] = newValue - clipped(kr < 4.0f - kr ? kr : 4.0f - kr) * newChroma;
    greens[i] = newValue - clipped(kg < 4.0f - kg ? kg : 4.0f - kg) * newChroma;
    blues[i] = newValue - clipped(kb < 4.0f - kb ? kb : 4.0f - kb) * newChroma;
  }
}

// lowbias32 (Wellons 2018) with a second word of the seed in its middle; uniform in [−1, 1).
GRAFT_INLINE float uniformAt(uint32_t i, uint32_t seed, uint32_t second) {
  uint32_t x = i + seed;
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x ^= second;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return static_cast<float>(static_cast<int32_t>(x)) * 0x1p-31f;
}

// Pairs of standard normal numbers (Box & Muller 1958): the first of each onto `first`, the second onto `second`.
GRAFT_KERNEL void noise(float* __restrict first, float* __restrict second, int32_t pairs, float deviation,
                        uint32_t seed, uint32_t secondSeed) {
  for (int32_t i = 0; i < pairs; i++) {
    const float u = 0.5f - uniformAt(i, seed, secondSeed) * 0.5f;  // in (0, 1], but for rounding
    const float radius = __builtin_sqrtf(-2.0f * logarithm(u > 0x1p-33f ? u : 0x1p-33f)) * deviation;
    const auto [sine, cosine] = sineCosineOfHalfTurns(uniformAt(i + pairs, seed, secondSeed));
    first[i] = clipped(first[i] + cosine * radius);
    second[i] = clipped(second[i] + sine * radius);
  }
}

}  // namespace

void setPicture(const uint8_t* bytes, Picture& picture) { fromBytes(bytes, picture.colours * picture.area(), picture.pixels); }

void applyLevels(Picture& picture, float gain, float bias) {
  levels(picture.pixels, picture.colours * picture.area(), gain, bias);
}

void shiftHsv(Picture& picture, float hue, float saturation, float value) {
  if (picture.colours == 1) return applyLevels(picture, 1.0f, value);
  const int64_t area = picture.area();
  hsv(picture.pixels, picture.pixels + area, picture.pixels + 2 * area, area, hue, saturation, value);
}

void addNoise(Picture& picture, float deviation, uint32_t seed, uint32_t second) {
  const int64_t count = picture.colours * picture.area(), pairs = (count + 1) / 2;
  float* half = picture.pixels + pairs;
  if (count % 2 == 0) {
    noise(picture.pixels, half, static_cast<int32_t>(pairs), deviation, seed, second);
    return;
  }
  // An odd number: the second of the last pair has no pixel.
  float* rest = picture.scratchOf(pairs);
  std::copy(half, picture.pixels + count, rest);
  rest[pairs - 1] = 0.0f;
  noise(picture.pixels, rest, static_cast<int32_t>(pairs), deviation, seed, second);
  std::copy_n(rest, pairs - 1, half);
}

void cutHole(Picture& picture, int64_t top, int64_t bottom, int64_t left, int64_t right) {
  for (int64_t plane = 0; plane < picture.colours; plane++)
    for (int64_t y = top; y < bottom; y++) {
      float* row = picture.pixels + plane * picture.area() + y * picture.width;
      std::fill(row + left, row + right, 0.0f);
    }
}

}  // namespace graft
