// exp, log, sine and cosine in forms that become vector instructions in a loop (polynomials of Cephes, S. Moshier).
#pragma once

#include <cstdint>
#include <cstring>

#include "kernel.h"

namespace graft {

// Adding it rounds to a whole number, half to even: 1.5 · 2^23.
constexpr float kRounding = 12582912.0f;

// exp to 2e-7 relative; beyond ±87 it stays what it is there.
GRAFT_INLINE float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float n = (x * 1.44269504088896341f + kRounding) - kRounding;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

// Natural logarithm to 2e-7 relative, of positive numbers that are not denormal.
GRAFT_INLINE float logarithm(float x) {
  int32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const int32_t fraction = (bits & 0x007fffff) | 0x3f000000;  // in [½, 1)
  float m;
  std::memcpy(&m, &fraction, sizeof m);
  const bool isSmall = m < 0.70710678118654752f;
  const float e = static_cast<float>((bits >> 23) - 126) - (isSmall ? 1.0f : 0.0f);
  m = (isSmall ? m + m : m) - 1.0f;
  const float z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float tail = p * m * z - e * 2.12194440e-4f - 0.5f * z;
  return (m + tail) + e * 0.693359375f;
}

// x^exponent of positive x.
GRAFT_INLINE float power(float x, float exponent) { return exponential(exponent * logarithm(x)); }

struct SineCosine {
  float sine, cosine;
};

// Of π · t, t in [−1, 1], to 1e-7.
GRAFT_INLINE SineCosine sineCosineOfHalfTurns(float t) {
  const float quarters = (2.0f * t + kRounding) - kRounding;
  const float r = (t - 0.5f * quarters) * 3.14159265358979f;  // within ± π / 4
  const float z = r * r;
  const float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * r + r;
  const float c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
  const int32_t quadrant = static_cast<int32_t>(quarters) & 3;
  const bool isSwapped = (quadrant & 1) != 0;
  const float sine = isSwapped ? c : s, cosine = isSwapped ? s : c;
  return {quadrant >= 2 ? -sine : sine, quadrant == 1 || quadrant == 2 ? -cosine : cosine};
}

}  // namespace graft
