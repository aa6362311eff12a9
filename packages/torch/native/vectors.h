// Kernels written in vectors: what loops alone do not become, where many sums must stay in registers. Such a kernel is a
// template of the vector's type, made for two levels of instructions; elsewhere `hasVectors` is false and libtorch's own
// operators do the work.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "kernel.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define GRAFT_AVX512 __attribute__((optimize("O3", "no-trapping-math"), target("avx512f")))
#define GRAFT_AVX2 __attribute__((optimize("O3", "no-trapping-math"), target("avx2,fma")))
#define GRAFT_HAS_VECTORS 1
#endif

namespace graft {

#ifdef GRAFT_HAS_VECTORS

// A level of instructions: its vector of floats, wherever in memory, and how many there are in one. (A struct, for as an
// argument of a template the vector itself would lose its attributes.)
struct Avx512 {
  typedef float Vector __attribute__((vector_size(64), aligned(4), may_alias));
  static constexpr int64_t kWidth = 16;
};
struct Avx2 {
  typedef float Vector __attribute__((vector_size(32), aligned(4), may_alias));
  static constexpr int64_t kWidth = 8;
};

template <typename Level>
GRAFT_INLINE const typename Level::Vector& vectorAt(const float* p) {
  return *reinterpret_cast<const typename Level::Vector*>(p);
}
template <typename Level>
GRAFT_INLINE typename Level::Vector& vectorAt(float* p) {
  return *reinterpret_cast<typename Level::Vector*>(p);
}

// `most`: what ATEN_CPU_CAPABILITY, which lowers the level of libtorch's own kernels, may say and still allow it.
inline bool isAllowed(const char* most) {
  const char* wanted = std::getenv("ATEN_CPU_CAPABILITY");
  return !wanted || std::strcmp(wanted, "avx512") == 0 || std::strcmp(wanted, most) == 0;
}
inline bool hasAvx512() { return __builtin_cpu_supports("avx512f") && isAllowed("avx512"); }
inline bool hasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && isAllowed("avx2"); }
inline bool hasVectors() { return hasAvx512() || hasAvx2(); }

#else

inline bool hasVectors() { return false; }

#endif

}  // namespace graft
