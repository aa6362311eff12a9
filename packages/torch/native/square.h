// JPEG files to squares of one size.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "jpeg.h"

namespace graft {

// Which lines each line of a result is a mean of.
struct LineWeights {
  std::vector<int> first;    // by line of the result
  std::vector<float> value;  // [side][taps]
  int taps = 0;
  int begin = 0, end = 0;  // lines that are used at all
};

// Keeps its memory and its weights from one file to the next.
class Squarer {
 public:
  // isWhole: the whole frame squashed; else the middle is cut out.
  Squarer(int64_t side, bool isWhole) : side_(side), isWhole_(isWhole) {}

  // A file → out [3, side, side], RGB; false if another decoder has to do it.
  bool make(const uint8_t* bytes, size_t size, uint8_t* out);

  bool is(int64_t side, bool isWhole) const { return side == side_ && isWhole == isWhole_; }

 private:
  void plan();

  int64_t side_;
  bool isWhole_;
  ReducedImage image_;
  std::array<int, 3> planned_{};
  LineWeights across_, down_;
  std::vector<float> strip_, lines_, turned_, square_;
  std::vector<uint8_t> bytes_;
};

}  // namespace graft
