// Changes of one picture, as augmentation makes them (`augment.cc` runs lists of them over a batch). Each is written for
// a picture that stays in a core's own cache from the first change to the last: no batch, no tensors.
//
// What they compute is defined by the tensor functions of src/data/augment/, which other devices run; the tests hold the
// two against each other. Parameters have the meanings they have there.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace graft {

/// [colours, H, W] in [0, 1], and as much memory again; colours: 3, or 1 for grey.
struct Picture {
  int64_t colours, height, width;
  float* pixels;
  float* spare;  // what cannot be changed in place is written here; then the two change places
  std::vector<float>& scratch;

  int64_t area() const { return height * width; }
  void finishSpare() { std::swap(pixels, spare); }
  float* scratchOf(int64_t size) {
    if (static_cast<int64_t>(scratch.size()) < size) scratch.resize(size);
    return scratch.data();
  }
};

/// The pixel that is seen at i where a row is mirrored at its ends, without repeating the outermost.
inline int64_t mirroredIndex(int64_t i, int64_t length) {
  if (i < 0) return -i;
  return i < length ? i : 2 * length - 2 - i;
}

// augment_geometry.cc
struct Turn {
  bool transpose, horizontal, vertical;  // transposed first
};
void turnPicture(Picture& picture, Turn turn);

/// What lies beyond the border: black, or the mirrored picture whose outermost pixels are not repeated.
enum class Border { kBlack, kMirror };
/// @param map output → source in pixels: x' = map[0] x + map[1] y + map[2], y' = map[3] x + map[4] y + map[5]
void warpAffine(Picture& picture, const std::array<float, 6>& map, Border border);
/// A point at (x, y) from the middle, in sides, comes from (x, y) · (1 + k r² + k r⁴).
void distortOptically(Picture& picture, float k);
/// @param columns, rows where each column and each row comes from, pixels: [W], [H]
void distortByGrid(Picture& picture, const double* columns, const double* rows);

// augment_colour.cc
void setPicture(const uint8_t* bytes, Picture& picture);
/// x · gain + bias, clipped to [0, 1].
void applyLevels(Picture& picture, float gain, float bias);
/// @param hue in turns, @param saturation, value of 1; grey has its value alone
void shiftHsv(Picture& picture, float hue, float saturation, float value);
/// Adds normal noise; pixel i of a seed is always the same.
void addNoise(Picture& picture, float deviation, uint32_t seed, uint32_t second);
/// Blackens rows [top, bottom) of columns [left, right).
void cutHole(Picture& picture, int64_t top, int64_t bottom, int64_t left, int64_t right);

// augment_enhance.cc
/// Each channel to the full range; one of a single level stays.
void stretchContrast(Picture& picture);
/// All of 256 levels of each channel about equally often.
void equalizeLevels(Picture& picture);
/// @param bits that each of 256 levels keeps, 1 to 8
void posterize(Picture& picture, int bits);
/// Values from the threshold up into their negative.
void solarize(Picture& picture, float threshold);
/// Away from a poorer picture, poor + factor · (picture − poor), clipped to [0, 1]: its luma, the mean of that, itself smoothed.
void adjustColour(Picture& picture, float factor);
void adjustContrast(Picture& picture, float factor);
void adjustSharpness(Picture& picture, float factor);

// augment_filter.cc
/// @param weights [side, side], side odd
void correlate(Picture& picture, const double* weights, int64_t side);
/// @param side 3 or 5
void medianFilter(Picture& picture, int64_t side);

// augment_clahe.cc
/// @param clipLimit how many times its even share a level of a tile may hold; [tiles, tiles] tiles, fewer than pixels
void equalizeTiles(Picture& picture, double clipLimit, int64_t tiles);

}  // namespace graft
