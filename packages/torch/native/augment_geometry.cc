// Geometry of one picture: exact turns, and bilinear sampling along a map of coordinates.
#include <algorithm>

#include "augment.h"
#include "kernel.h"

namespace graft {
namespace {

constexpr int64_t kBlock = 16;  // rows and columns that are transposed together: their cache lines stay

// to[y, x] = from[y · down + x · right]
GRAFT_KERNEL void copyTurned(const float* __restrict from, int64_t down, int64_t right, int64_t height, int64_t width,
                             float* __restrict to) {
  if (right == 1 || right == -1) {
    for (int64_t y = 0; y < height; y++) {
      const float* row = from + y * down;
      float* out = to + y * width;
      if (right == 1)
        for (int64_t x = 0; x < width; x++) out[x] = row[x];
      else
        for (int64_t x = 0; x < width; x++) out[x] = row[-x];
    }
    return;
  }
  for (int64_t top = 0; top < height; top += kBlock)
    for (int64_t left = 0; left < width; left += kBlock) {
      const int64_t bottom = std::min(top + kBlock, height), end = std::min(left + kBlock, width);
      for (int64_t y = top; y < bottom; y++)
        for (int64_t x = left; x < end; x++) to[y * width + x] = from[y * down + x * right];
    }
}

// Where a row's pixels come from, and room for what sampling makes of it.
struct Row {
  float *x, *y;          // source coordinates, pixels; then the shares of the second column and row
  int32_t* offset;       // of the upper left of the four source pixels
};

// Coordinates mirrored into [0, last] without repeating the outermost pixels.
GRAFT_INLINE float mirrored(float at, float last, float perLast) {
  const float distance = at < 0.0f ? -at : at;
  const int32_t turns = static_cast<int32_t>(distance * perLast);
  const float rest = distance - static_cast<float>(turns) * last;
  const float inside = (turns & 1) != 0 ? last - rest : rest;
  const float low = inside < 0.0f ? 0.0f : inside;
  return low > last ? last : low;
}

// Coordinates in a picture with one black pixel about it: what lies further out is moved onto that.
GRAFT_INLINE float framed(float at, float last) {
  const float moved = at + 1.0f;
  const float low = moved < 0.0f ? 0.0f : moved;
  return low > last ? last : low;
}

// @param height, width of the source, with its frame where it has one
GRAFT_KERNEL void findSources(float* __restrict x, float* __restrict y, int32_t* __restrict offset, int64_t count,
                              int64_t height, int64_t width, bool isFramed) {
  const float lastX = static_cast<float>(width - 1), lastY = static_cast<float>(height - 1);
  const int32_t mostX = static_cast<int32_t>(width - 2), mostY = static_cast<int32_t>(height - 2);
  const int32_t stride = static_cast<int32_t>(width);
  if (isFramed) {
    for (int64_t i = 0; i < count; i++) {
      x[i] = framed(x[i], lastX);
      y[i] = framed(y[i], lastY);
    }
  } else {
    const float perX = 1.0f / lastX, perY = 1.0f / lastY;
    for (int64_t i = 0; i < count; i++) {
      x[i] = mirrored(x[i], lastX, perX);
      y[i] = mirrored(y[i], lastY, perY);
    }
  }
  for (int64_t i = 0; i < count; i++) {
    const int32_t left = static_cast<int32_t>(x[i]), top = static_cast<int32_t>(y[i]);
    const int32_t x0 = left > mostX ? mostX : left, y0 = top > mostY ? mostY : top;
    x[i] -= static_cast<float>(x0);
    y[i] -= static_cast<float>(y0);
    offset[i] = y0 * stride + x0;
  }
}

GRAFT_KERNEL void sampleRow(const float* __restrict plane, int64_t stride, const float* __restrict across,
                            const float* __restrict down, const int32_t* __restrict offset, int64_t count,
                            float* __restrict out) {
  const float* __restrict right = plane + 1;
  const float* __restrict below = plane + stride;
  const float* __restrict corner = plane + stride + 1;
  for (int64_t i = 0; i < count; i++) {
    const int32_t at = offset[i];
    const float a = plane[at], c = below[at];
    const float upper = a + (right[at] - a) * across[i];
    const float lower = c + (corner[at] - c) * across[i];
    out[i] = upper + (lower - upper) * down[i];
  }
}

// Samples along a map. @param fill (row, x, y): writes where the pixels of a row come from
template <typename Fill>
void sample(Picture& picture, Border border, const Fill& fill) {
  const int64_t height = picture.height, width = picture.width;
  const bool isFramed = border == Border::kBlack;
  const int64_t sourceHeight = height + 2 * isFramed, sourceWidth = width + 2 * isFramed;
  const int64_t sourceArea = sourceHeight * sourceWidth;
  float* scratch = picture.scratchOf(3 * width + (isFramed ? picture.colours * sourceArea : 0));
  const Row row{scratch, scratch + width, reinterpret_cast<int32_t*>(scratch + 2 * width)};
  const float* source = picture.pixels;
  if (isFramed) {
    float* framed = scratch + 3 * width;
    std::fill(framed, framed + picture.colours * sourceArea, 0.0f);
    for (int64_t line = 0; line < picture.colours * height; line++) {
      const int64_t plane = line / height, y = line % height;
      std::copy_n(picture.pixels + line * width, width, framed + plane * sourceArea + (y + 1) * sourceWidth + 1);
    }
    source = framed;
  }
  for (int64_t y = 0; y < height; y++) {
    fill(y, row.x, row.y);
    findSources(row.x, row.y, row.offset, width, sourceHeight, sourceWidth, isFramed);
    for (int64_t plane = 0; plane < picture.colours; plane++)
      sampleRow(source + plane * sourceArea, sourceWidth, row.x, row.y, row.offset, width,
                picture.spare + plane * height * width + y * width);
  }
  picture.finishSpare();
}

GRAFT_KERNEL void fillAffine(const float* __restrict map, int64_t y, int64_t width, float* __restrict sourceX,
                             float* __restrict sourceY) {
  const float startX = map[1] * static_cast<float>(y) + map[2], startY = map[4] * static_cast<float>(y) + map[5];
  const float stepX = map[0], stepY = map[3];
  for (int32_t x = 0; x < static_cast<int32_t>(width); x++) {
    sourceX[x] = stepX * static_cast<float>(x) + startX;
    sourceY[x] = stepY * static_cast<float>(x) + startY;
  }
}

GRAFT_KERNEL void fillOptical(float k, int64_t y, int64_t height, int64_t width, float* __restrict sourceX,
                              float* __restrict sourceY) {
  const float middleX = static_cast<float>(width - 1) / 2, middleY = static_cast<float>(height - 1) / 2;
  const float v = (static_cast<float>(y) - middleY) / static_cast<float>(height);
  const float toSide = 1.0f / static_cast<float>(width);
  for (int32_t x = 0; x < static_cast<int32_t>(width); x++) {
    const float u = (static_cast<float>(x) - middleX) * toSide;
    const float r2 = u * u + v * v;
    const float factor = 1.0f + k * (r2 + r2 * r2);
    sourceX[x] = factor * (u * static_cast<float>(width)) + middleX;
    sourceY[x] = factor * (v * static_cast<float>(height)) + middleY;
  }
}

}  // namespace

void turnPicture(Picture& picture, Turn turn) {
  const int64_t height = picture.height, width = picture.width, area = picture.area();
  // Of the source: one step right and one step down in the result.
  int64_t right = turn.transpose ? width : 1, down = turn.transpose ? 1 : width, start = 0;
  if (turn.horizontal) {
    start += right * (width - 1);
    right = -right;
  }
  if (turn.vertical) {
    start += down * (height - 1);
    down = -down;
  }
  for (int64_t plane = 0; plane < picture.colours; plane++)
    copyTurned(picture.pixels + plane * area + start, down, right, height, width, picture.spare + plane * area);
  picture.finishSpare();
}

void warpAffine(Picture& picture, const std::array<float, 6>& map, Border border) {
  sample(picture, border,
         [&](int64_t y, float* sourceX, float* sourceY) { fillAffine(map.data(), y, picture.width, sourceX, sourceY); });
}

void distortOptically(Picture& picture, float k) {
  sample(picture, Border::kMirror, [&](int64_t y, float* sourceX, float* sourceY) {
    fillOptical(k, y, picture.height, picture.width, sourceX, sourceY);
  });
}

void distortByGrid(Picture& picture, const double* columns, const double* rows) {
  sample(picture, Border::kMirror, [&](int64_t y, float* sourceX, float* sourceY) {
    std::copy_n(columns, picture.width, sourceX);
    std::fill_n(sourceY, picture.width, static_cast<float>(rows[y]));
  });
}

}  // namespace graft
