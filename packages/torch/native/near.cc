// Inner loops of the comparison of content maps (src/data/match.ts): blur within a field, registration, prints. All
// maps are square, with x and y from −1 to 1 over them; on whatever thread calls.
#include <cmath>

#include "kernel.h"
#include "typed_array.h"

namespace graft {
namespace {

constexpr int64_t kMostSide = 64;
constexpr int64_t kMostArea = kMostSide * kMostSide;
constexpr int64_t kMostRadius = 32;

int64_t sideOf(int64_t area) {
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(area))));
  if (side < 2 || side > kMostSide || side * side != area)
    throw std::invalid_argument("a map must be a square of 2 to 64 pixels a side");
  return side;
}

void expectLength(int64_t length, int64_t expected) {
  if (length != expected) throw std::invalid_argument("maps of several sizes");
}

void expectKernel(const Array<float>& kernel) {
  if (kernel.length < 1 || kernel.length > kMostRadius + 1) throw std::invalid_argument("a kernel of radius 0 to 32");
}

// Convolution along rows and along columns with a symmetric kernel, 0 beyond the borders; then times `scale`.
GRAFT_KERNEL void blurMap(const float* map, const float* scale, const float* kernel, int64_t radius, int64_t side,
                          float* __restrict into) {
  float line[kMostSide + 2 * kMostRadius] = {};
  float rows[(kMostSide + 2 * kMostRadius) * kMostSide];
  for (int64_t i = 0; i < radius * side; i++) rows[i] = rows[(side + radius) * side + i] = 0;
  for (int64_t y = 0; y < side; y++) {
    for (int64_t x = 0; x < side; x++) line[radius + x] = map[y * side + x];
    float* __restrict row = rows + (radius + y) * side;
    for (int64_t x = 0; x < side; x++) row[x] = kernel[0] * line[radius + x];
    for (int64_t t = 1; t <= radius; t++)
      for (int64_t x = 0; x < side; x++) row[x] += kernel[t] * (line[radius + x - t] + line[radius + x + t]);
  }
  for (int64_t y = 0; y < side; y++) {
    const float* middle = rows + (radius + y) * side;
    float sums[kMostSide];
    for (int64_t x = 0; x < side; x++) sums[x] = kernel[0] * middle[x];
    for (int64_t t = 1; t <= radius; t++)
      for (int64_t x = 0; x < side; x++) sums[x] += kernel[t] * (middle[x - t * side] + middle[x + t * side]);
    for (int64_t x = 0; x < side; x++) into[y * side + x] = sums[x] * scale[y * side + x];
  }
}

/// blur(map [side²], scale [side²], kernel [radius + 1], into [side²]); `into` may be the map.
napi_value blur(Call& call) {
  const auto map = arrayOf<float>(call, 0), scale = arrayOf<float>(call, 1), kernel = arrayOf<float>(call, 2),
             into = arrayOf<float>(call, 3);
  const int64_t side = sideOf(map.length);
  expectLength(scale.length, map.length);
  expectLength(into.length, map.length);
  expectKernel(kernel);
  float blurred[kMostArea];
  blurMap(map.data, scale.data, kernel.data, kernel.length - 1, side, blurred);
  std::copy(blurred, blurred + map.length, into.data);
  return undefined(call.env);
}

/// 1 where a pixel and those to its right and below are inside: between them a place has a value.
GRAFT_KERNEL void cellsInto(const float* inside, int64_t side, float* __restrict cells) {
  for (int64_t y = 0; y < side; y++)
    for (int64_t x = 0, k = y * side; x < side; x++, k++)
      cells[k] = y + 1 < side && x + 1 < side ? inside[k] * inside[k + 1] * inside[k + side] * inside[k + side + 1] : 0;
}

/// Where the pixels of a row lie on another map: the pixel to the upper left, the shares of those to its right and below.
struct Places {
  float y;
  float x[kMostSide], across[kMostSide], down[kMostSide];
  float shown[kMostSide];  // 0 beyond the map's borders, else 1
  int32_t offset[kMostSide];
};

/// @param margin how far beyond the outermost pixels a place is shown, as they are
GRAFT_KERNEL void findPlaces(const double* p, int64_t row, int64_t side, float margin, Places& places) {
  const float half = static_cast<float>(side) / 2, last = static_cast<float>(side - 1), centre = last / 2;
  const float y = (static_cast<float>(row) - centre) / half;
  const float p0 = p[0], p1y = static_cast<float>(p[1]) * y, p2 = p[2], p3 = p[3], p4y = static_cast<float>(p[4]) * y,
              p5 = p[5];
  const float most = static_cast<float>(side - 2);
  const auto stride = static_cast<int32_t>(side);
  places.y = y;
  for (int32_t c = 0; c < stride; c++) {
    const float x = (static_cast<float>(c) - centre) / half;
    const float u = (p0 * x + p1y + p2) * half + centre, v = (p3 * x + p4y + p5) * half + centre;
    places.x[c] = x;
    const bool isShown = (u >= -margin) & (v >= -margin) & (u < last + margin) & (v < last + margin);
    places.shown[c] = isShown ? 1.0f : 0.0f;
    // What is no number goes to 0 as well.
    float fromLeft = u > 0 ? u : 0.0f, fromTop = v > 0 ? v : 0.0f;
    fromLeft = fromLeft < last ? fromLeft : last;
    fromTop = fromTop < last ? fromTop : last;
    const auto x0 = static_cast<int32_t>(fromLeft < most ? fromLeft : most);
    const auto y0 = static_cast<int32_t>(fromTop < most ? fromTop : most);
    places.offset[c] = y0 * stride + x0;
    places.across[c] = fromLeft - static_cast<float>(x0);
    places.down[c] = fromTop - static_cast<float>(y0);
  }
}

constexpr int kUnknowns = 8;  // six of the map, contrast, brightness
constexpr int kColumns = kUnknowns + 1;
constexpr double kDamping = 0.05;       // in grey values²: a flat map must not send the other to infinity
constexpr double kLeastContrast = 0.1;  // of the moving map's: a negative of a picture is none of it
constexpr double kMostChange = 0.15;    // of a step, in half sides

/// The columns of the system, and what it shall give, at every pixel; 0 where not both maps are inside.
struct System {
  float columns[kColumns][kMostArea];
};

/// Bilinear values and slopes of the moving map under `p`. `cells` is 1 where all four pixels about a place are inside.
/// Returns the number of pixels that both show.
GRAFT_KERNEL int64_t fillSystem(const float* __restrict moving, const float* __restrict cells,
                                const float* __restrict fixed, const float* __restrict fixedInside, int64_t side,
                                const double* p, System& system) {
  const float half = static_cast<float>(side) / 2;
  const float* __restrict right = moving + 1;
  const float* __restrict below = moving + side;
  const float* __restrict corner = moving + side + 1;
  Places places;
  float count = 0;
  for (int64_t r = 0; r < side; r++) {
    findPlaces(p, r, side, 0, places);
    float* __restrict to = system.columns[0] + r * side;
    const float* __restrict target = fixed + r * side;
    const float* __restrict inside = fixedInside + r * side;
    for (int64_t c = 0; c < side; c++) {
      const int32_t k = places.offset[c];
      const float weight = places.shown[c] * inside[c] * cells[k];
      const float first = moving[k], across = right[k] - first, acrossBelow = corner[k] - below[k];
      const float top = first + places.across[c] * across;
      const float down = below[k] + places.across[c] * acrossBelow - top;
      const float gx = weight * (across + places.down[c] * (acrossBelow - across)) * half, gy = weight * down * half;
      to[c] = gx * places.x[c];
      to[c + kMostArea] = gx * places.y;
      to[c + 2 * kMostArea] = gx;
      to[c + 3 * kMostArea] = gy * places.x[c];
      to[c + 4 * kMostArea] = gy * places.y;
      to[c + 5 * kMostArea] = gy;
      to[c + 6 * kMostArea] = weight * (top + places.down[c] * down);
      to[c + 7 * kMostArea] = weight;
      to[c + 8 * kMostArea] = weight * target[c];
    }
    for (int64_t c = 0; c < side; c++) count += to[c + 7 * kMostArea];
  }
  return static_cast<int64_t>(count);
}

/// Σ a b in lanes that are added in one order, whatever the processor.
GRAFT_INLINE double dot(const float* a, const float* b, int64_t length) {
  constexpr int kLanes = 16;
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= length; i += kLanes)
    for (int lane = 0; lane < kLanes; lane++) lanes[lane] += a[i + lane] * b[i + lane];
  for (int lane = 0; i < length; i++, lane++) lanes[lane] += a[i] * b[i];
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int lane = 0; lane < width; lane++) lanes[lane] += lanes[lane + width];
  return lanes[0];
}

/// The normal equations, upper triangle, and their right side in the last column.
GRAFT_KERNEL void multiply(const System& system, int64_t area, double (&normal)[kUnknowns][kColumns]) {
  for (int j = 0; j < kUnknowns; j++)
    for (int k = j; k < kColumns; k++) normal[j][k] = dot(system.columns[j], system.columns[k], area);
}

/// Solves the symmetric positive definite system (Gauss, no pivoting needed); the solution is in the last column.
void solve(double (&normal)[kUnknowns][kColumns]) {
  for (int j = 0; j < kUnknowns; j++)
    for (int k = 0; k < j; k++) normal[j][k] = normal[k][j];
  for (int k = 0; k < kUnknowns; k++)
    for (int i = k + 1; i < kUnknowns; i++) {
      const double factor = normal[i][k] / normal[k][k];
      for (int j = k; j < kColumns; j++) normal[i][j] -= factor * normal[k][j];
    }
  for (int i = kUnknowns - 1; i >= 0; i--) {
    for (int j = i + 1; j < kUnknowns; j++) normal[i][kUnknowns] -= normal[i][j] * normal[j][kUnknowns];
    normal[i][kUnknowns] /= normal[i][i];
  }
}

// Lucas–Kanade, forward additive, blind to contrast and brightness (Baker & Matthews, "Lucas–Kanade 20 years on", 2004).
// With g the slopes of the moving map under the map p, each step solves
// fixed ≈ contrast · (moving + gᵀ A Δp) + brightness. A row of the system is [gx x, gx y, gx, gy x, gy y, gy, value, 1].
void registerMaps(const float* moving, const float* fixed, const float* movingInside, const float* fixedInside,
                  int64_t side, double* p, int64_t steps) {
  const int64_t area = side * side;
  float cells[kMostArea];
  cellsInto(movingInside, side, cells);
  thread_local System system;
  double normal[kUnknowns][kColumns];
  for (int64_t step = 0; step < steps; step++) {
    const int64_t count = fillSystem(moving, cells, fixed, fixedInside, side, p, system);
    if (count < 4 * kUnknowns) return;
    multiply(system, area, normal);
    for (int j = 0; j < 6; j++) normal[j][j] += static_cast<double>(count) * kDamping;
    normal[6][6] += static_cast<double>(count) * 1e-3;
    solve(normal);
    const double contrast = normal[6][kUnknowns];
    if (!(contrast > kLeastContrast)) return;
    double largest = 0;
    for (int j = 0; j < 6; j++) {
      const double change = std::min(kMostChange, std::max(-kMostChange, normal[j][kUnknowns] / contrast));
      p[j] += change;
      largest = std::max(largest, std::abs(change));
    }
    if (largest < 1e-3) return;
  }
}

/// registerMaps(moving [side²], fixed, movingInside, fixedInside, p [6], steps): changes p.
napi_value registerMaps(Call& call) {
  const auto moving = arrayOf<float>(call, 0), fixed = arrayOf<float>(call, 1), movingInside = arrayOf<float>(call, 2),
             fixedInside = arrayOf<float>(call, 3);
  const auto p = arrayOf<double>(call, 4);
  const int64_t side = sideOf(moving.length);
  for (const auto& other : {fixed, movingInside, fixedInside}) expectLength(other.length, moving.length);
  expectLength(p.length, 6);
  registerMaps(moving.data, fixed.data, movingInside.data, fixedInside.data, side, p.data,
               static_cast<int64_t>(call.number(5)));
  return undefined(call.env);
}

constexpr float kNoise = 1.5f;  // grain, rounding and compression, in grey values: what varies less is noise

struct Comparison {
  double correlation, informative, overlap;
};

struct Planes {
  float moving[kMostArea], fixed[kMostArea], both[kMostArea], scale[kMostArea];
  float aa[kMostArea], bb[kMostArea], ab[kMostArea];
};

/// The moving map under `p`, and where it and the fixed one are inside their fields, which is what counts from then on.
GRAFT_KERNEL void warpOnto(const float* __restrict moving, const float* __restrict cells,
                           const float* __restrict fixedInside, int64_t side, const double* p, Planes& to) {
  const float* __restrict right = moving + 1;
  const float* __restrict below = moving + side;
  const float* __restrict corner = moving + side + 1;
  Places places;
  for (int64_t r = 0; r < side; r++) {
    findPlaces(p, r, side, 0.5f, places);
    for (int64_t c = 0, i = r * side; c < side; c++, i++) {
      const int32_t k = places.offset[c];
      const float weight = places.shown[c] * fixedInside[i] * cells[k];
      const float top = moving[k] + places.across[c] * (right[k] - moving[k]);
      const float bottom = below[k] + places.across[c] * (corner[k] - below[k]);
      to.both[i] = weight;
      to.moving[i] = weight * (top + places.down[c] * (bottom - top));
    }
  }
}

/// What a blur within the field leaves of each map, and its products, each blurred over neighbourhoods.
GRAFT_KERNEL void multiplyDetails(const Array<float>& detail, const Array<float>& place, int64_t side, Planes& to) {
  const int64_t area = side * side;
  float ones[kMostArea], blurred[kMostArea];
  std::fill(ones, ones + area, 1.0f);
  const auto within = [&](const Array<float>& kernel) {
    blurMap(to.both, ones, kernel.data, kernel.length - 1, side, to.scale);
    for (int64_t i = 0; i < area; i++) to.scale[i] = to.both[i] > 0 ? 1 / to.scale[i] : 0.0f;
  };
  within(detail);
  for (float* map : {to.moving, to.fixed}) {
    blurMap(map, to.scale, detail.data, detail.length - 1, side, blurred);
    for (int64_t i = 0; i < area; i++) map[i] -= blurred[i];
  }
  for (int64_t i = 0; i < area; i++) {
    to.aa[i] = to.moving[i] * to.moving[i];
    to.bb[i] = to.fixed[i] * to.fixed[i];
    to.ab[i] = to.moving[i] * to.fixed[i];
  }
  within(place);
  for (float* product : {to.aa, to.bb, to.ab}) {
    blurMap(product, to.scale, place.data, place.length - 1, side, blurred);
    std::copy(blurred, blurred + area, product);
  }
}

// The method is told in src/data/match.ts.
Comparison compareMaps(const float* moving, const float* movingInside, const float* fixed, const float* fixedInside,
                       const double* p, const Array<float>& detail, const Array<float>& place, int64_t side) {
  const int64_t area = side * side;
  thread_local Planes planes;
  float cells[kMostArea];
  cellsInto(movingInside, side, cells);
  warpOnto(moving, cells, fixedInside, side, p, planes);
  double shown = 0, movingField = 0, fixedField = 0;
  for (int64_t i = 0; i < area; i++) {
    planes.fixed[i] = planes.both[i] * fixed[i];
    shown += planes.both[i];
    fixedField += fixedInside[i];
    movingField += movingInside[i];
  }
  // The moving field's size as it appears on the fixed map.
  const double scale = std::abs(p[0] * p[4] - p[1] * p[3]);
  const double overlap = shown / std::max(1.0, std::min(fixedField, movingField / std::max(scale, 1e-3)));
  if (shown < static_cast<double>(area) / 64) return {0, 0, overlap};
  multiplyDetails(detail, place, side, planes);
  double weights = 0, sum = 0;
  for (int64_t i = 0; i < area; i++) {
    const float energy = std::min(planes.aa[i], planes.bb[i]);
    if (planes.both[i] == 0 || !(energy > 0)) continue;
    const float weight = energy / (energy + kNoise * kNoise);
    weights += weight;
    sum += weight * planes.ab[i] / std::sqrt(planes.aa[i] * planes.bb[i]);
  }
  return {weights > 0 ? sum / weights : 0, weights / static_cast<double>(area), overlap};
}

/// compareMaps(moving [side²], movingInside, fixed, fixedInside, p [6], detail [radius + 1], place [radius + 1],
/// out [3]): correlation, informative, overlap.
napi_value compareMaps(Call& call) {
  const auto moving = arrayOf<float>(call, 0), movingInside = arrayOf<float>(call, 1), fixed = arrayOf<float>(call, 2),
             fixedInside = arrayOf<float>(call, 3), detail = arrayOf<float>(call, 5), place = arrayOf<float>(call, 6);
  const auto p = arrayOf<double>(call, 4), out = arrayOf<double>(call, 7);
  const int64_t side = sideOf(moving.length);
  for (const auto& other : {movingInside, fixed, fixedInside}) expectLength(other.length, moving.length);
  expectLength(p.length, 6);
  expectLength(out.length, 3);
  expectKernel(detail);
  expectKernel(place);
  const auto [correlation, informative, overlap] =
      compareMaps(moving.data, movingInside.data, fixed.data, fixedInside.data, p.data, detail, place, side);
  out[0] = correlation;
  out[1] = informative;
  out[2] = overlap;
  return undefined(call.env);
}

struct Sums {
  float count = 0, aa = 0, bb = 0, ab = 0;
};

/// Of each pixel the four bytes that a place between it and its neighbours needs, so that one access fetches them; 0 where
/// one of them lies outside.
GRAFT_KERNEL void fourfold(const int8_t* __restrict print, int64_t side, int32_t* __restrict into) {
  const int8_t* __restrict right = print + 1;
  const int8_t* __restrict below = print + side;
  const int8_t* __restrict corner = print + side + 1;
  const int64_t last = side * (side - 1) - 1;
  for (int64_t k = 0; k < last; k++) {
    const bool inside = (print[k] != 0) & (right[k] != 0) & (below[k] != 0) & (corner[k] != 0);
    const uint32_t four = static_cast<uint8_t>(print[k]) | static_cast<uint32_t>(static_cast<uint8_t>(right[k])) << 8 |
                          static_cast<uint32_t>(static_cast<uint8_t>(below[k])) << 16 |
                          static_cast<uint32_t>(static_cast<uint8_t>(corner[k])) << 24;
    into[k] = inside ? static_cast<int32_t>(four) : 0;
  }
}

/// Over what both prints show, the moving one bilinear under `p`. A place is never in the last row or column of pixels.
GRAFT_KERNEL Sums sumPrints(const int32_t* __restrict fours, const int8_t* __restrict fixed, int64_t side,
                            const double* p) {
  Places places;
  float count[kMostSide] = {}, aa[kMostSide] = {}, bb[kMostSide] = {}, ab[kMostSide] = {};
  float row[kMostSide];
  for (int64_t r = 0; r < side; r++) {
    findPlaces(p, r, side, 0, places);
    for (int64_t c = 0; c < side; c++) row[c] = fixed[r * side + c];
    for (int64_t c = 0; c < side; c++) {
      const int32_t four = fours[places.offset[c]];
      const float first = static_cast<float>(four << 24 >> 24), right = static_cast<float>(four << 16 >> 24);
      const float below = static_cast<float>(four << 8 >> 24), corner = static_cast<float>(four >> 24);
      const float b = row[c];
      const float weight = places.shown[c] * (b != 0 ? 1.0f : 0.0f) * (four != 0 ? 1.0f : 0.0f);
      const float top = first + places.across[c] * (right - first);
      const float bottom = below + places.across[c] * (corner - below);
      const float a = weight * (top + places.down[c] * (bottom - top));
      count[c] += weight;
      aa[c] += a * a;
      bb[c] += weight * b * b;
      ab[c] += a * b;
    }
  }
  Sums sums;
  for (int64_t c = 0; c < side; c++) {
    sums.count += count[c];
    sums.aa += aa[c];
    sums.bb += bb[c];
    sums.ab += ab[c];
  }
  return sums;
}

/// comparePrints(moving [side²], fixed [side²], p [6], fewest) → correlation over what both show, where they show
/// something; 0 where that is fewer pixels, or where one is even. 0 in a print is what lies outside.
napi_value comparePrints(Call& call) {
  const auto moving = arrayOf<int8_t>(call, 0), fixed = arrayOf<int8_t>(call, 1);
  const auto p = arrayOf<double>(call, 2);
  const int64_t side = sideOf(moving.length);
  expectLength(fixed.length, moving.length);
  expectLength(p.length, 6);
  int32_t fours[kMostArea];
  fourfold(moving.data, side, fours);
  const Sums sums = sumPrints(fours, fixed.data, side, p.data);
  const bool tells = sums.count >= call.number(3) && sums.aa > 0 && sums.bb > 0;
  return toNumber(call.env, tells ? sums.ab / std::sqrt(static_cast<double>(sums.aa) * sums.bb) : 0);
}

}  // namespace

std::vector<Method> nearMethods() {
  return {{"blur", method<blur>},
          {"registerMaps", method<registerMaps>},
          {"compareMaps", method<compareMaps>},
          {"comparePrints", method<comparePrints>}};
}

}  // namespace graft
