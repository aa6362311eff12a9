// 1 × 1 convolution, a matrix product, with the batch norm and activation behind it at the end of each sum.
//
// Twelve rows by two vectors of columns (six by two with AVX2) stay in registers while the depth is walked once: the
// maps of these networks are tall and narrow, and a general product (OpenBLAS), made for square matrices, reaches half of
// this rate on them. The columns of the weight lie in panels, so that each step reads one run of memory.
#include "conv_norm.h"

#include <algorithm>
#include <vector>

#include "activation.h"
#include "parallel.h"
#include "vectors.h"

namespace graft {

#ifdef GRAFT_HAS_VECTORS

namespace {

constexpr int64_t kVectors = 2;    // columns of a panel, in vectors
constexpr int64_t kBlockRows = 96;  // that go over all panels before the next ones: their inputs stay in the cache

// Sums of 3 · Triples rows by Vectors vectors, ended and written to rows of `stride` floats.
// Rows in threes: the addresses of a triple are one pointer and multiples of the depth.
template <typename Activation, typename Level, int Triples, int Vectors>
GRAFT_INLINE void tile(const float* input, int64_t depth, const float* panel, const Ending& e, int64_t stride) {
  typename Level::Vector sum[3 * Triples][Vectors] = {};
  const float* rows[Triples];
  for (int t = 0; t < Triples; t++) rows[t] = input + 3 * t * depth;
  for (int64_t k = 0; k < depth; k++) {
    typename Level::Vector w[Vectors];
    for (int v = 0; v < Vectors; v++) w[v] = vectorAt<Level>(panel + v * Level::kWidth);
    panel += Vectors * Level::kWidth;
    for (int t = 0; t < Triples; t++) {
      for (int i = 0; i < 3; i++) {
        const float x = rows[t][i * depth];
        for (int v = 0; v < Vectors; v++) sum[3 * t + i][v] += w[v] * x;
      }
      rows[t]++;
    }
  }
  for (int r = 0; r < 3 * Triples; r++)
    for (int v = 0; v < Vectors; v++) {
      const int64_t c = v * Level::kWidth;
      typename Level::Vector y = sum[r][v] * vectorAt<Level>(e.scale + c) + vectorAt<Level>(e.shift + c);
      Activation::apply(y);
      if (e.skip) y += vectorAt<Level>(e.skip + r * stride + c);
      vectorAt<Level>(e.out + r * stride + c) = y;
    }
}

// A tile at an edge, of fewer rows or columns: by way of full ones beside.
template <typename Activation, typename Level, int Triples, int Vectors>
GRAFT_INLINE void edge(const float* input, int64_t rows, const float* panel, const Ending& e,
                       const PointwiseShape& s, int64_t columns) {
  constexpr int64_t kRows = 3 * Triples, kColumns = Vectors * Level::kWidth;
  thread_local std::vector<float> padded;
  float whole[kRows * kColumns];
  if (rows < kRows) {
    padded.assign(kRows * s.depth, 0.0f);
    std::copy(input, input + rows * s.depth, padded.begin());
    input = padded.data();
  }
  tile<Activation, Level, Triples, Vectors>(input, s.depth, panel, {e.scale, e.shift, nullptr, whole}, kColumns);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) {
      const int64_t place = r * s.channels + c;
      e.out[place] = whole[r * kColumns + c] + (e.skip ? e.skip[place] : 0.0f);
    }
}

// Rows [begin, end) by the columns of one panel, of which `columns` are there.
template <typename Activation, typename Level, int Triples, int Vectors>
GRAFT_INLINE void column(const float* input, int64_t begin, int64_t end, const float* panel, const Ending& all,
                         const PointwiseShape& s, int64_t first) {
  constexpr int64_t kRows = 3 * Triples, kColumns = Vectors * Level::kWidth;
  const int64_t columns = std::min(kColumns, s.channels - first);
  for (int64_t row = begin; row < end; row += kRows) {
    const int64_t place = row * s.channels + first, rows = std::min(kRows, end - row);
    const Ending e{all.scale + first, all.shift + first, all.skip ? all.skip + place : nullptr, all.out + place};
    const float* from = input + row * s.depth;
    if (rows == kRows && columns == kColumns)
      tile<Activation, Level, Triples, Vectors>(from, s.depth, panel, e, s.channels);
    else
      edge<Activation, Level, Triples, Vectors>(from, rows, panel, e, s, columns);
  }
}

template <typename Activation, typename Level, int Triples>
GRAFT_INLINE void block(const float* input, int64_t begin, int64_t end, const float* panels, const Ending& e,
                        const PointwiseShape& s) {
  constexpr int64_t kColumns = kVectors * Level::kWidth;
  for (int64_t first = 0; first < s.channels; first += kColumns) {
    const float* panel = panels + first * s.depth;
    if (s.channels - first > Level::kWidth)
      column<Activation, Level, Triples, kVectors>(input, begin, end, panel, e, s, first);
    else
      column<Activation, Level, Triples, 1>(input, begin, end, panel, e, s, first);
  }
}

template <typename Activation>
GRAFT_AVX512 void block512(const float* input, int64_t begin, int64_t end, const float* panels, const Ending& e,
                           const PointwiseShape& s) {
  block<Activation, Avx512, 4>(input, begin, end, panels, e, s);
}
template <typename Activation>
GRAFT_AVX2 void block256(const float* input, int64_t begin, int64_t end, const float* panels, const Ending& e,
                         const PointwiseShape& s) {
  block<Activation, Avx2, 2>(input, begin, end, panels, e, s);
}

// [channels, depth] → panels [depth, width of the panel], the last one filled up with zeros; a last one that fits into one
// vector is one vector wide.
std::vector<float> panelsOf(const float* weight, const PointwiseShape& s, int64_t width) {
  const int64_t wide = kVectors * width;
  std::vector<float> panels((s.channels + wide - 1) / wide * wide * s.depth);
  for (int64_t first = 0; first < s.channels; first += wide) {
    const int64_t columns = s.channels - first > width ? wide : width;
    float* panel = panels.data() + first * s.depth;
    for (int64_t c = 0; c < std::min(columns, s.channels - first); c++)
      for (int64_t k = 0; k < s.depth; k++) panel[k * columns + c] = weight[(first + c) * s.depth + k];
  }
  return panels;
}

}  // namespace

template <typename Activation>
void pointwise(const float* input, const float* weight, const PointwiseShape& s, const Ending& e) {
  const bool isWide = hasAvx512();
  const int64_t width = isWide ? Avx512::kWidth : Avx2::kWidth;
  const std::vector<float> panels = panelsOf(weight, s, width);
  const int64_t blocks = (s.rows + kBlockRows - 1) / kBlockRows;
  const int64_t worth = (int64_t{1} << 20) / (kBlockRows * s.depth * s.channels) + 1;
  parallelFor(blocks, worth, [&](int64_t begin, int64_t end) {
    const auto one = isWide ? block512<Activation> : block256<Activation>;
    for (int64_t b = begin; b < end; b++)
      one(input, b * kBlockRows, std::min((b + 1) * kBlockRows, s.rows), panels.data(), e, s);
  });
}

#else

template <typename Activation>
void pointwise(const float*, const float*, const PointwiseShape&, const Ending&) {}

#endif

template void pointwise<Identity>(const float*, const float*, const PointwiseShape&, const Ending&);
template void pointwise<Silu>(const float*, const float*, const PointwiseShape&, const Ending&);
template void pointwise<Relu>(const float*, const float*, const PointwiseShape&, const Ending&);
template void pointwise<Relu6>(const float*, const float*, const PointwiseShape&, const Ending&);

}  // namespace graft
