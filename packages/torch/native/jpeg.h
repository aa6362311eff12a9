// JPEG files decoded at a fraction of their size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace graft {

// An image at eighths/8 of its file's size, sides rounded up.
struct ReducedImage {
  int fileWidth = 0, fileHeight = 0, eighths = 0;
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  // [height, width, 3]
};

// The library that decodes, with its version; nullptr where there was none when Graft was built.
const char* jpegLibrary();

// Decodes all coefficients, at the fraction that leaves pixels enough to choose `side` of them from. False where
// anything at all is amiss in the file, where it has to be turned or its colours converted, where its shorter side has
// fewer pixels than that, and where it is so large that memory might not do: another decoder then says what it is.
bool decodeJpeg(const uint8_t* bytes, size_t size, int64_t side, ReducedImage& image);

}  // namespace graft
