// Inner loops of the index of sketches (src/data/near-index.ts): products of rows of bytes, and the best rows for many
// askers at once. The work goes cell by cell: a cell's rows stay in the processor's cache while all queries that look
// into it pass over them, which makes it ten times as fast as query by query. On whatever thread calls.
#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#include "kernel.h"
#include "typed_array.h"

namespace graft {
namespace {

/// Rows whose products are formed at once: they and the queries fit into the first cache.
constexpr int64_t kBlock = 128;

/// Queries that pass over a block before the next is fetched.
constexpr int64_t kGroup = 32;

/// Two queries, since the rows have to be fetched for one as for two, and their products with each row of a block.
struct Pair {
  const int8_t* queries[2];
  int32_t products[2][kBlock];
};

/// products[q][i] = ⟨queries[q], rows[i]⟩ from row `first` on, bytes of 0 to 127.
GRAFT_KERNEL void plainProducts(const int8_t* __restrict rows, int64_t length, int64_t first, int64_t count, Pair& pair) {
  for (int q = 0; q < 2; q++) {
    const int8_t* __restrict query = pair.queries[q];
    for (int64_t i = first; i < count; i++) {
      int32_t sum = 0;
      for (int64_t j = 0; j < length; j++) sum += static_cast<int16_t>(query[j]) * static_cast<int16_t>(rows[i * length + j]);
      pair.products[q][i] = sum;
    }
  }
}

#if defined(__x86_64__) && defined(__GNUC__)
constexpr int64_t kLength = 144;  // of a sketch: known here, so that queries stay in registers
constexpr int kVectors = 5;       // four full ones and a half
#define GRAFT_AVX2 __attribute__((target("avx2")))
#define GRAFT_VNNI __attribute__((target("avx2,avx512f,avx512vl,avx512vnni")))

GRAFT_AVX2 GRAFT_INLINE __m256i part(const int8_t* row, int i) {
  if (i + 1 == kVectors) return _mm256_zextsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + 32 * i)));
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 32 * i));
}

/// Adds each accumulator's eight numbers up.
GRAFT_AVX2 GRAFT_INLINE void storeFour(const __m256i* sums, int32_t* out) {
  const __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                   _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1)));
}

/// Two products of bytes below 128 fit into 16 bits, so that the instruction for unsigned times signed bytes is exact.
GRAFT_AVX2 void avx2Products(const int8_t* rows, int64_t length, int64_t count, Pair& pair) {
  int64_t row = 0;
  if (length == kLength)
    for (; row + 4 <= count; row += 4)
      for (int q = 0; q < 2; q++) {
        __m256i sums[4] = {};
#pragma GCC unroll 5
        for (int i = 0; i < kVectors; i++) {
          const __m256i query = part(pair.queries[q], i);
#pragma GCC unroll 5
          for (int r = 0; r < 4; r++) {
            const __m256i twos = _mm256_maddubs_epi16(query, part(rows + (row + r) * kLength, i));
            sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(twos, _mm256_set1_epi16(1)));
          }
        }
        storeFour(sums, pair.products[q] + row);
      }
  plainProducts(rows, length, row, count, pair);
}

GRAFT_VNNI void vnniProducts(const int8_t* rows, int64_t length, int64_t count, Pair& pair) {
  int64_t row = 0;
  if (length == kLength)
    for (; row + 4 <= count; row += 4) {
      __m256i sums[2][4] = {};
#pragma GCC unroll 5
      for (int i = 0; i < kVectors; i++) {
        const __m256i one = part(pair.queries[0], i), other = part(pair.queries[1], i);
#pragma GCC unroll 5
        for (int r = 0; r < 4; r++) {
          const __m256i bytes = part(rows + (row + r) * kLength, i);
          sums[0][r] = _mm256_dpbusd_epi32(sums[0][r], one, bytes);
          sums[1][r] = _mm256_dpbusd_epi32(sums[1][r], other, bytes);
        }
      }
      storeFour(sums[0], pair.products[0] + row);
      storeFour(sums[1], pair.products[1] + row);
    }
  plainProducts(rows, length, row, count, pair);
}
#endif

using Products = void (*)(const int8_t* rows, int64_t length, int64_t count, Pair& pair);

Products chooseProducts() {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")) return vnniProducts;
  if (__builtin_cpu_supports("avx2")) return avx2Products;
#endif
  return [](const int8_t* rows, int64_t length, int64_t count, Pair& pair) {
    plainProducts(rows, length, 0, count, pair);
  };
}

const Products multiply = chooseProducts();

/// The next product from `from` on that is more than `most`; `count` where there is none.
GRAFT_KERNEL int64_t nextAbove(const int32_t* products, int64_t from, int64_t count, int32_t most) {
  constexpr int64_t kStep = 16;
  for (; from + kStep <= count; from += kStep) {
    int32_t any = 0;
    for (int64_t i = 0; i < kStep; i++) any |= products[from + i] > most;
    if (any != 0) break;
  }
  while (from < count && products[from] <= most) from++;
  return from;
}

int64_t rowsIn(const Array<int8_t>& table, int64_t length) {
  if (length < 16 || length % 16 != 0 || table.length % length != 0)
    throw std::invalid_argument("sketches: rows of a multiple of 16 bytes");
  return table.length / length;
}

/// mostLike(queries [M, length], centres [C, length], out [M, most], length): of each query the centres with the
/// largest products, largest first, of equals the first. Bytes of 0 to 127.
napi_value mostLike(Call& call) {
  const auto queries = arrayOf<int8_t>(call, 0), centres = arrayOf<int8_t>(call, 1);
  const auto out = arrayOf<int32_t>(call, 2);
  const auto length = static_cast<int64_t>(call.number(3));
  const int64_t count = rowsIn(queries, length), cells = rowsIn(centres, length);
  const int64_t most = count == 0 ? 0 : out.length / count;
  if (out.length != most * count || most > cells) throw std::invalid_argument("mostLike: more than there are");
  std::vector<int32_t> largest(kGroup * most);
  Pair pair;
  for (int64_t group = 0; group < count; group += kGroup) {
    const int64_t end = std::min(group + kGroup, count);
    int64_t filled[kGroup] = {};
    for (int64_t from = 0; from < cells; from += kBlock) {
      const int64_t many = std::min(kBlock, cells - from);
      for (int64_t query = group; query < end; query += 2) {
        const int64_t last = std::min(query + 1, end - 1);
        pair.queries[0] = queries.data + query * length;
        pair.queries[1] = queries.data + last * length;
        multiply(centres.data + from * length, length, many, pair);
        for (int64_t q = query; q <= last; q++) {
          const int32_t* found = pair.products[q - query];
          int32_t* into = out.data + q * most;
          int32_t* values = largest.data() + (q - group) * most;
          int64_t& known = filled[q - group];
          int32_t worthwhile = known < most ? std::numeric_limits<int32_t>::min() : values[most - 1];
          for (int64_t c = -1; (c = nextAbove(found, c + 1, many, worthwhile)) < many;) {
            int64_t at = known < most ? known++ : most - 1;
            for (; at > 0 && values[at - 1] < found[c]; at--) {
              into[at] = into[at - 1];
              values[at] = values[at - 1];
            }
            into[at] = static_cast<int32_t>(from + c);
            values[at] = found[c];
            if (known == most) worthwhile = values[most - 1];
          }
        }
      }
    }
  }
  return undefined(call.env);
}

/// A find: the owner of a row, the product, the query, the row.
struct Find {
  int32_t owner, product, query, row;
};

/// The order of finds: the largest product, then the first owner; of one owner the first query, then the first row.
bool isBefore(const Find& a, const Find& b) {
  if (a.product != b.product) return a.product > b.product;
  if (a.owner != b.owner) return a.owner < b.owner;
  return a.query != b.query ? a.query < b.query : a.row < b.row;
}

/// The best finds of an asker, one an owner, best first. What a find must reach rises with them, so that of thousands of
/// rows that are a little alike few are looked at twice.
struct Best {
  Find* finds;
  int32_t most, least;
  int32_t filled = 0;

  int32_t worthwhile() const { return filled < most ? least : std::max(least, finds[most - 1].product); }

  void offer(const Find& find) {
    int32_t at = 0;
    while (at < filled && finds[at].owner != find.owner) at++;
    if (at < filled) {
      if (!isBefore(find, finds[at])) return;
    } else if (filled < most) {
      filled++;
    } else if (isBefore(find, finds[--at])) {
      // takes the place of the last
    } else {
      return;
    }
    for (; at > 0 && isBefore(find, finds[at - 1]); at--) finds[at] = finds[at - 1];
    finds[at] = find;
  }
};

/// sieve(queries [M, length], askers [M], probes [M, P], rows [N, length], owners [N], starts [cells + 1],
/// finds [askers, most, 4], [length, first asker, most, least product]): of each asker the best rows of other owners in
/// the cells that its queries look into, as [owner, product, query, row]; −1 where there are fewer. The queries of an
/// asker stand together, and askers count up from the first.
napi_value sieve(Call& call) {
  const auto queries = arrayOf<int8_t>(call, 0), rows = arrayOf<int8_t>(call, 3);
  const auto askers = arrayOf<int32_t>(call, 1), probes = arrayOf<int32_t>(call, 2), owners = arrayOf<int32_t>(call, 4),
             starts = arrayOf<int32_t>(call, 5), finds = arrayOf<int32_t>(call, 6), settings = arrayOf<int32_t>(call, 7);
  if (settings.length != 4) throw std::invalid_argument("sieve: four settings");
  const int64_t length = settings[0], first = settings[1], most = settings[2];
  const int64_t count = rowsIn(queries, length), total = rowsIn(rows, length), cells = starts.length - 1;
  const int64_t each = count == 0 ? 0 : probes.length / count;
  const int64_t room = most < 1 ? 0 : finds.length / (4 * most);
  if (askers.length != count || probes.length != each * count || owners.length != total || cells < 1 || most < 1)
    throw std::invalid_argument("sieve: tables of several lengths");
  for (int64_t c = 0; c < cells; c++)
    if (starts[c] < 0 || starts[c] > starts[c + 1] || starts[c + 1] > total)
      throw std::out_of_range("sieve: rows that are not there");
  for (int64_t q = 0; q < count; q++)
    if (askers[q] < first || askers[q] >= first + room) throw std::out_of_range("sieve: an asker without room");

  // Which queries look into each cell.
  std::vector<int64_t> ends(cells + 1, 0);
  for (int64_t i = 0; i < probes.length; i++) {
    if (probes[i] < 0 || probes[i] >= cells) throw std::out_of_range("sieve: a cell that is not there");
    ends[probes[i] + 1]++;
  }
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<int32_t> visitors(probes.length);
  std::vector<int64_t> next(ends.begin(), ends.end() - 1);
  for (int64_t q = 0; q < count; q++)
    for (int64_t i = 0; i < each; i++) visitors[next[probes[q * each + i]]++] = static_cast<int32_t>(q);

  static_assert(sizeof(Find) == 4 * sizeof(int32_t), "finds are rows of four numbers");
  std::fill(finds.data, finds.data + finds.length, -1);
  std::vector<Best> best(room);
  for (int64_t a = 0; a < room; a++)
    best[a] = {reinterpret_cast<Find*>(finds.data) + a * most, static_cast<int32_t>(most), settings[3]};

  Pair pair;
  for (int64_t cell = 0; cell < cells; cell++)
    for (int64_t from = starts[cell]; from < starts[cell + 1]; from += kBlock) {
      const int64_t many = std::min<int64_t>(kBlock, starts[cell + 1] - from);
      for (int64_t v = ends[cell]; v < ends[cell + 1]; v += 2) {
        const int64_t last = std::min(v + 1, ends[cell + 1] - 1);
        pair.queries[0] = queries.data + visitors[v] * length;
        pair.queries[1] = queries.data + visitors[last] * length;
        multiply(rows.data + from * length, length, many, pair);
        for (int q = 0; q <= last - v; q++) {
          const int32_t query = visitors[v + q], asker = askers[query];
          Best& finding = best[asker - first];
          int32_t worthwhile = finding.worthwhile();
          for (int64_t i = -1; (i = nextAbove(pair.products[q], i + 1, many, worthwhile - 1)) < many;) {
            if (owners[from + i] == asker) continue;
            finding.offer({owners[from + i], pair.products[q][i], query, static_cast<int32_t>(from + i)});
            worthwhile = finding.worthwhile();
          }
        }
      }
    }
  // Queries of an asker are told by their place among its own.
  std::vector<int32_t> firstQuery(room, -1);
  for (int64_t q = count - 1; q >= 0; q--) firstQuery[askers[q] - first] = static_cast<int32_t>(q);
  for (int64_t a = 0; a < room; a++)
    for (int32_t i = 0; i < best[a].filled; i++) best[a].finds[i].query -= firstQuery[a];
  return undefined(call.env);
}

}  // namespace

std::vector<Method> sieveMethods() { return {{"mostLike", method<mostLike>}, {"sieve", method<sieve>}}; }

}  // namespace graft
