// Augmentation of a batch on the CPU: each sample goes through its own list of changes, from bytes to the last of them,
// while it stays in one core's cache. In tensors the same costs several passes over the batch for every change, and a
// gather and a scatter for the samples that it falls on.
//
// A list is a run of instructions: code, number of parameters, parameters. `program.ts` writes them.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "augment.h"
#include "parallel.h"

namespace graft {
namespace {

// As in program.ts.
enum Code {
  kTurn, kLevels, kHsv, kNoise, kHole, kAffine, kOptical, kGrid, kCorrelate, kMedian, kClahe,
  kStretch, kEqualize, kPosterize, kSolarize, kColour, kContrast, kSharpness
};

constexpr int64_t kMostSide = 16384;  // offsets within a picture are 32 bits

// Reads one sample's instructions, and nothing beyond them.
class Reader {
 public:
  Reader(const double* next, const double* end) : next_(next), end_(end) {}

  bool isAtEnd() const { return next_ == end_; }

  const double* take(int64_t count) {
    TORCH_CHECK(count >= 0 && count <= end_ - next_, "augment: an instruction ends beyond its program");
    const double* taken = next_;
    next_ += count;
    return taken;
  }

 private:
  const double* next_;
  const double* end_;
};

void expectCount(int64_t code, int64_t count, int64_t expected) {
  TORCH_CHECK(count == expected, "augment: instruction ", code, " takes ", expected, " parameters, got ", count);
}

void cutHoleOf(Picture& picture, const double* p) {
  const int64_t top = static_cast<int64_t>(p[0]), bottom = static_cast<int64_t>(p[1]);
  const int64_t left = static_cast<int64_t>(p[2]), right = static_cast<int64_t>(p[3]);
  TORCH_CHECK(top >= 0 && bottom <= picture.height && left >= 0 && right <= picture.width,
              "augment: a hole reaches beyond its picture");
  cutHole(picture, top, bottom, left, std::max(left, right));
}

// Far beyond every border, and far from the largest float.
constexpr double kMostCoordinate = 1e9;

void requireCoordinates(const double* at, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    TORCH_CHECK(std::abs(at[i]) < kMostCoordinate, "augment: coordinate ", at[i], " is out of range");
}

// One instruction. @param p its parameters
void change(Picture& picture, int64_t code, int64_t count, const double* p) {
  const auto number = [p](int i) { return static_cast<float>(p[i]); };
  const int64_t height = picture.height, width = picture.width;
  switch (code) {
    case kTurn:
      expectCount(code, count, 3);
      TORCH_CHECK(p[0] == 0 || height == width, "augment: only square pictures are transposed");
      return turnPicture(picture, {p[0] != 0, p[1] != 0, p[2] != 0});
    case kLevels:
      expectCount(code, count, 2);
      return applyLevels(picture, number(0), number(1));
    case kHsv:
      expectCount(code, count, 3);
      return shiftHsv(picture, number(0), number(1), number(2));
    case kNoise:
      expectCount(code, count, 3);
      return addNoise(picture, number(0), static_cast<uint32_t>(p[1]), static_cast<uint32_t>(p[2]));
    case kHole:
      expectCount(code, count, 4);
      return cutHoleOf(picture, p);
    case kAffine:
      expectCount(code, count, 7);
      requireCoordinates(p, 6);
      return warpAffine(picture, {number(0), number(1), number(2), number(3), number(4), number(5)},
                        p[6] != 0 ? Border::kMirror : Border::kBlack);
    case kOptical:
      expectCount(code, count, 1);
      requireCoordinates(p, 1);
      return distortOptically(picture, number(0));
    case kGrid:
      expectCount(code, count, width + height);
      requireCoordinates(p, width + height);
      return distortByGrid(picture, p, p + width);
    case kCorrelate: {
      const auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(count)));
      TORCH_CHECK(side * side == count && side % 2 == 1, "augment: a kernel is a square of odd side");
      TORCH_CHECK(side / 2 < std::min(height, width), "augment: a kernel of ", side, " px needs larger pictures");
      return correlate(picture, p, side);
    }
    case kMedian:
      expectCount(code, count, 1);
      TORCH_CHECK(p[0] == 3 || p[0] == 5, "augment: medians are of 3 or 5 px, not ", p[0]);
      return medianFilter(picture, static_cast<int64_t>(p[0]));
    case kClahe: {
      expectCount(code, count, 2);
      const auto tiles = static_cast<int64_t>(p[1]);
      const bool divides = tiles >= 1 && height % tiles == 0 && width % tiles == 0;
      TORCH_CHECK(tiles >= 1 && (divides || std::min(height, width) > tiles), "augment: no ", tiles, " × ", tiles,
                  " tiles in ", height, " × ", width, " px");
      return equalizeTiles(picture, p[0], tiles);
    }
    case kStretch:
      expectCount(code, count, 0);
      return stretchContrast(picture);
    case kEqualize:
      expectCount(code, count, 0);
      return equalizeLevels(picture);
    case kPosterize:
      expectCount(code, count, 1);
      TORCH_CHECK(p[0] >= 1 && p[0] <= 8, "augment: levels have 1 to 8 bits, not ", p[0]);
      return posterize(picture, static_cast<int>(p[0]));
    case kSolarize:
      expectCount(code, count, 1);
      return solarize(picture, number(0));
    case kColour:
      expectCount(code, count, 1);
      return adjustColour(picture, number(0));
    case kContrast:
      expectCount(code, count, 1);
      return adjustContrast(picture, number(0));
    case kSharpness:
      expectCount(code, count, 1);
      TORCH_CHECK(height >= 3 && width >= 3, "augment: sharpness needs pictures of 3 px or more");
      return adjustSharpness(picture, number(0));
    default:
      TORCH_CHECK(false, "augment: there is no instruction ", code);
  }
}

void runOne(Picture picture, float* result, Reader program) {
  while (!program.isAtEnd()) {
    const double* head = program.take(2);
    const auto count = static_cast<int64_t>(head[1]);
    change(picture, static_cast<int64_t>(head[0]), count, program.take(count));
  }
  if (picture.pixels != result) std::copy_n(picture.pixels, picture.colours * picture.area(), result);
}

at::Tensor augment(const at::Tensor& images, const at::Tensor& program, const at::Tensor& ends) {
  TORCH_CHECK(images.device().is_cpu() && images.dim() == 4 && (images.size(1) == 3 || images.size(1) == 1),
              "augment: expected images [N, 3 or 1, H, W] on the CPU, got ", images.sizes());
  const bool isBytes = images.scalar_type() == at::kByte;
  TORCH_CHECK(isBytes || images.scalar_type() == at::kFloat, "augment: expected uint8 or float32 images");
  const int64_t n = images.size(0), colours = images.size(1), height = images.size(2), width = images.size(3);
  TORCH_CHECK(height >= 2 && width >= 2 && height <= kMostSide && width <= kMostSide,
              "augment: sides of 2 to ", kMostSide, " px, got ", height, " × ", width);
  TORCH_CHECK(program.scalar_type() == at::kDouble && program.is_contiguous() && program.dim() == 1 &&
                  ends.scalar_type() == at::kLong && ends.is_contiguous() && ends.numel() == n,
              "augment: expected a program of doubles and an end for each image");
  const at::Tensor source = images.contiguous();
  at::Tensor result = at::empty({n, colours, height, width}, images.options().dtype(at::kFloat));
  const int64_t size = colours * height * width;
  const void* pixels = source.data_ptr();
  float* out = result.data_ptr<float>();
  const double* instructions = program.data_ptr<double>();
  const int64_t* end = ends.data_ptr<int64_t>();
  int64_t previous = 0;
  for (int64_t i = 0; i < n; i++) {
    TORCH_CHECK(end[i] >= previous && end[i] <= program.numel(), "augment: ends must ascend within the program");
    previous = end[i];
  }
  parallelFor(n, 1, [&](int64_t begin, int64_t stop) {
    std::vector<float> spare(size), scratch;
    for (int64_t i = begin; i < stop; i++) {
      Picture picture{colours, height, width, out + i * size, spare.data(), scratch};
      if (isBytes) setPicture(static_cast<const uint8_t*>(pixels) + i * size, picture);
      else std::copy_n(static_cast<const float*>(pixels) + i * size, size, picture.pixels);
      runOne(picture, out + i * size, Reader(instructions + (i > 0 ? end[i - 1] : 0), instructions + end[i]));
    }
  });
  return result;
}

}  // namespace

// Images [N, 3 or 1, H, W], uint8, or float32 in [0, 1] → float32 in [0, 1]. The program of image i ends at ends[i].
TORCH_LIBRARY_FRAGMENT(graft, library) {
  library.def("augment(Tensor images, Tensor program, Tensor ends) -> Tensor");
}
TORCH_LIBRARY_IMPL(graft, CPU, library) { library.impl("augment", augment); }

}  // namespace graft
