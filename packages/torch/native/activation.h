// The activations that the fused operators end in, each a type whose functions become part of their loops.
#pragma once

#include <c10/util/Exception.h>
#include <c10/util/string_view.h>

#include "batch_norm.h"
#include "kernel.h"

namespace graft {

// z · sigmoid(z). What the backward pass of a line keeps is the sigmoid.
struct Silu {
  static constexpr bool kKeeps = true;
  static GRAFT_INLINE float value(float z) { return z * logistic(z); }
  // g · silu'(z)
  static GRAFT_INLINE float gradient(float g, float z) {
    const float s = logistic(z);
    return g * s * (1.0f + z * (1.0f - s));
  }
  template <typename V>
  static GRAFT_INLINE void apply(V& z) {
    for (unsigned i = 0; i < sizeof(V) / sizeof(float); i++) z[i] = value(z[i]);
  }
  static GRAFT_INLINE float keep(float z) { return logistic(z); }
  static GRAFT_INLINE float value(float z, float kept) { return z * kept; }
  // From the activated value a: silu' = s + a (1 − s), s the sigmoid.
  static GRAFT_INLINE float gradient(float g, float a, float kept) { return g * (kept + a * (1.0f - kept)); }
};

// z within [0, Limit], Limit 0: no upper bound. The slope at both ends is 0, as PyTorch's; it can be told from the
// activated value, so nothing is kept. NaN passes.
template <int Limit>
struct Clamped {
  static constexpr bool kKeeps = false;
  static GRAFT_INLINE float value(float z) {
    z = z < 0.0f ? 0.0f : z;
    if constexpr (Limit > 0) z = z > Limit ? Limit : z;
    return z;
  }
  static GRAFT_INLINE float gradient(float g, float z) {
    g = z <= 0.0f ? 0.0f : g;
    if constexpr (Limit > 0) g = z >= Limit ? 0.0f : g;
    return g;
  }
  template <typename V>
  static GRAFT_INLINE void apply(V& z) {
    const V zero = {};
    z = z < zero ? zero : z;
    if constexpr (Limit > 0) {
      const V limit = zero + static_cast<float>(Limit);
      z = z > limit ? limit : z;
    }
  }
  static GRAFT_INLINE float keep(float) { return 0.0f; }
  static GRAFT_INLINE float value(float z, float) { return value(z); }
  static GRAFT_INLINE float gradient(float g, float a, float) { return gradient(g, a); }
};
using Relu = Clamped<0>;
using Relu6 = Clamped<6>;

struct Identity {
  static GRAFT_INLINE float value(float z) { return z; }
  template <typename V>
  static GRAFT_INLINE void apply(V&) {}
};

// libtorch's own operator.
at::Tensor activate(const at::Tensor& map, c10::string_view activation);

// body(Silu()), body(Relu()) or body(Relu6()).
template <typename Body>
auto withActivation(c10::string_view name, Body body) {
  if (name == "relu") return body(Relu());
  if (name == "relu6") return body(Relu6());
  TORCH_CHECK(name == "silu", "expected the activation silu, relu or relu6");
  return body(Silu());
}

}  // namespace graft
