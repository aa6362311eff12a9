// Filters of one picture by small squares: correlation with a kernel (mirrored border), and the median (repeated border).
//
// The median is a network of minima and maxima, the same operations for every pixel: columns are sorted once for all
// squares that share them; of a square whose columns and rows are sorted, only the pixels about the rising diagonal can
// be its median (Kopp & Purgathofer 1994). `median.ts` has the same network in tensors.
#include <algorithm>

#include "augment.h"
#include "kernel.h"

// As GRAFT_KERNEL, for values that are never NaN: a minimum is then one instruction.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define GRAFT_ORDER_KERNEL                                                                        \
  __attribute__((optimize("O3", "no-trapping-math", "finite-math-only", "no-signed-zeros"),     \
                 target_clones("avx512f", "avx2", "default")))
#else
#define GRAFT_ORDER_KERNEL
#endif

namespace graft {
namespace {

// Puts the smaller of two wires on the first, the larger on the second; what nobody reads is not computed.
struct Exchange {
  int low = 0, high = 0;
  bool needsLow = true, needsHigh = true;
};

template <int Most>
struct Network {
  Exchange exchanges[Most];
  int count = 0;
  constexpr void add(Exchange one) { exchanges[count++] = one; }
};

// Batcher's sorting network (Knuth, TAOCP 5.2.2, algorithm M). @param wires the names of its wires
template <int Most>
constexpr void addSorting(Network<Most>& network, const int* wires, int count) {
  int top = 1;
  while (2 * top < count) top *= 2;
  for (int p = top; p > 0; p /= 2) {
    int q = top, r = 0, d = p;
    while (true) {
      for (int i = 0; i < count - d; i++)
        if ((i & p) == r) network.add({wires[i], wires[i + d]});
      if (q == p) break;
      d = q - p;
      q /= 2;
      r = p;
    }
  }
}

template <int Side>
struct MedianNetwork {
  static constexpr int kMost = 160;
  Network<kMost> network;
  int output = 0;

  // From a square whose columns are sorted (wire row · Side + column) to its median.
  constexpr MedianNetwork() {
    Network<kMost> whole;
    int wires[Side * Side] = {};
    for (int row = 0; row < Side; row++) {
      for (int j = 0; j < Side; j++) wires[j] = row * Side + j;
      addSorting(whole, wires, Side);
    }
    // In the sorted table (row i, column j), (i + 1)(j + 1) − 1 others are no larger, and likewise from the far corner.
    const int middle = (Side * Side + 1) / 2;
    int candidates = 0;
    for (int i = 0; i < Side; i++)
      for (int j = 0; j < Side; j++)
        if ((i + 1) * (j + 1) <= middle && (Side - i) * (Side - j) <= middle) wires[candidates++] = i * Side + j;
    addSorting(whole, wires, candidates);
    // As many wires were left out below as above, so the median of all is the median of the rest.
    output = wires[candidates / 2];
    bool isRead[Side * Side] = {};
    isRead[output] = true;
    Exchange kept[kMost];
    int count = 0;
    for (int k = whole.count; k-- > 0;) {
      Exchange one = whole.exchanges[k];
      one.needsLow = isRead[one.low];
      one.needsHigh = isRead[one.high];
      if (!one.needsLow && !one.needsHigh) continue;
      kept[count++] = one;
      isRead[one.low] = isRead[one.high] = true;
    }
    while (count > 0) network.add(kept[--count]);
  }
};

template <int Side>
struct ColumnNetwork {
  Network<16> network;
  constexpr ColumnNetwork() {
    int wires[Side] = {};
    for (int i = 0; i < Side; i++) wires[i] = i;
    addSorting(network, wires, Side);
  }
};

template <int Side>
constexpr MedianNetwork<Side> kMedian{};
template <int Side>
constexpr ColumnNetwork<Side> kColumn{};

GRAFT_INLINE void exchange(float& low, float& high, bool needsLow, bool needsHigh) {
  const float a = low, b = high;
  if (needsLow) low = a < b ? a : b;
  if (needsHigh) high = a < b ? b : a;
}

template <int Side, int K = 0>
GRAFT_INLINE void sortColumn(float* wires) {
  if constexpr (K < kColumn<Side>.network.count) {
    constexpr Exchange one = kColumn<Side>.network.exchanges[K];
    exchange(wires[one.low], wires[one.high], true, true);
    sortColumn<Side, K + 1>(wires);
  }
}

template <int Side, int K = 0>
GRAFT_INLINE void findMedian(float* wires) {
  if constexpr (K < kMedian<Side>.network.count) {
    constexpr Exchange one = kMedian<Side>.network.exchanges[K];
    exchange(wires[one.low], wires[one.high], one.needsLow, one.needsHigh);
    findMedian<Side, K + 1>(wires);
  }
}

// `Side` rows from `padded` on: their columns sorted, row by row.
template <int Side>
GRAFT_INLINE void sortColumnsOf(const float* __restrict padded, int64_t stride, float* __restrict sorted) {
  for (int64_t x = 0; x < stride; x++) {
    float wires[Side];
    for (int i = 0; i < Side; i++) wires[i] = padded[i * stride + x];
    sortColumn<Side>(wires);
    for (int i = 0; i < Side; i++) sorted[i * stride + x] = wires[i];
  }
}

template <int Side>
GRAFT_INLINE void mediansOf(const float* __restrict sorted, int64_t stride, int64_t width, float* __restrict out) {
  for (int64_t x = 0; x < width; x++) {
    float wires[Side * Side];
    for (int i = 0; i < Side; i++)
      for (int j = 0; j < Side; j++) wires[i * Side + j] = sorted[i * stride + x + j];
    findMedian<Side>(wires);
    out[x] = wires[kMedian<Side>.output];
  }
}

GRAFT_ORDER_KERNEL void sortColumns3(const float* padded, int64_t stride, float* sorted) {
  sortColumnsOf<3>(padded, stride, sorted);
}
GRAFT_ORDER_KERNEL void sortColumns5(const float* padded, int64_t stride, float* sorted) {
  sortColumnsOf<5>(padded, stride, sorted);
}
GRAFT_ORDER_KERNEL void medians3(const float* sorted, int64_t stride, int64_t width, float* out) {
  mediansOf<3>(sorted, stride, width, out);
}
GRAFT_ORDER_KERNEL void medians5(const float* sorted, int64_t stride, int64_t width, float* out) {
  mediansOf<5>(sorted, stride, width, out);
}

int64_t nearestIndex(int64_t i, int64_t length) { return std::clamp<int64_t>(i, 0, length - 1); }

// A plane with a margin on all sides. @param indexOf (i, length) → the pixel that is seen at i
template <typename IndexOf>
void pad(const float* plane, int64_t height, int64_t width, int64_t margin, IndexOf indexOf, float* padded) {
  for (int64_t y = -margin; y < height + margin; y++) {
    const float* row = plane + indexOf(y, height) * width;
    float* out = padded + (y + margin) * (width + 2 * margin);
    for (int64_t i = 0; i < margin; i++) {
      out[i] = row[indexOf(i - margin, width)];
      out[margin + width + i] = row[indexOf(width + i, width)];
    }
    std::copy_n(row, width, out + margin);
  }
}

// out += weight · in
GRAFT_KERNEL void addScaled(const float* __restrict in, float weight, int64_t count, float* __restrict out) {
  for (int64_t i = 0; i < count; i++) out[i] += weight * in[i];
}

}  // namespace

void correlate(Picture& picture, const double* weights, int64_t side) {
  const int64_t height = picture.height, width = picture.width, margin = side / 2, stride = width + 2 * margin;
  float* padded = picture.scratchOf((height + 2 * margin) * stride);
  for (int64_t plane = 0; plane < picture.colours; plane++) {
    pad(picture.pixels + plane * picture.area(), height, width, margin, mirroredIndex, padded);
    for (int64_t y = 0; y < height; y++) {
      float* out = picture.spare + plane * picture.area() + y * width;
      std::fill_n(out, width, 0.0f);
      for (int64_t tap = 0; tap < side * side; tap++)
        if (weights[tap] != 0)
          addScaled(padded + (y + tap / side) * stride + tap % side, static_cast<float>(weights[tap]), width, out);
    }
  }
  picture.finishSpare();
}

void medianFilter(Picture& picture, int64_t side) {
  const int64_t height = picture.height, width = picture.width, margin = side / 2, stride = width + 2 * margin;
  float* padded = picture.scratchOf((height + 2 * margin + side) * stride);
  float* sorted = padded + (height + 2 * margin) * stride;
  for (int64_t plane = 0; plane < picture.colours; plane++) {
    pad(picture.pixels + plane * picture.area(), height, width, margin, nearestIndex, padded);
    for (int64_t y = 0; y < height; y++) {
      (side == 3 ? sortColumns3 : sortColumns5)(padded + y * stride, stride, sorted);
      (side == 3 ? medians3 : medians5)(sorted, stride, width, picture.spare + plane * picture.area() + y * width);
    }
  }
  picture.finishSpare();
}

}  // namespace graft
