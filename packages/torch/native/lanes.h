// Sixteen channels that lie side by side, wherever in memory.
#pragma once

#include <cstdint>

#include "kernel.h"

namespace graft {

constexpr int64_t kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

GRAFT_INLINE const Lanes& lanes(const float* p) { return *reinterpret_cast<const Lanes*>(p); }
GRAFT_INLINE Lanes& lanes(float* p) { return *reinterpret_cast<Lanes*>(p); }

}  // namespace graft
