// JPEG files at a fraction of their size by libjpeg-turbo, where it was found: native/build.mjs then sets GRAFT_JPEG to its
// version.
#include "jpeg.h"

#if defined(GRAFT_JPEG)

#include <algorithm>
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it
#include <cstring>

#include <jpeglib.h>

namespace graft {
namespace {

// So many times the target's side must be left: with 1.75, 600 × 450 px go to 128 px by way of half their size.
constexpr double kMargin = 1.75;
// Of the file's pixels, and of the memory that libjpeg-turbo may hold: a progressive file's coefficients lie in memory
// as a whole.
constexpr int64_t kMostPixels = int64_t{1} << 26;
constexpr long kMostMemory = 128 << 20;
// A progressive file has about ten; thousands of empty ones would keep a core busy for hours.
constexpr int kMostScans = 100;

// One file's state. Errors, warnings among them, come back out of `attempt`.
struct Session {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf wayOut;

  ~Session() { jpeg_destroy_decompress(&info); }

  // Nothing with a destructor may live in `work`: giving up jumps past it.
  template <typename Work>
  bool attempt(Work work) {
    if (setjmp(wayOut) != 0) return false;
    return work();
  }
};

[[noreturn]] void giveUp(j_common_ptr info) { std::longjmp(static_cast<Session*>(info->client_data)->wayOut, 1); }

void onMessage(j_common_ptr info, int level) {
  if (level < 0) giveUp(info);  // a warning: the file is damaged, and goes on with made-up pixels
}

void onProgress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMostScans) giveUp(info);
}

void open(Session& session, const uint8_t* bytes, size_t size) {
  jpeg_decompress_struct& info = session.info;
  info.err = jpeg_std_error(&session.errors);
  info.err->error_exit = giveUp;
  info.err->emit_message = onMessage;
  info.client_data = &session;
  jpeg_create_decompress(&info);
  info.mem->max_memory_to_use = kMostMemory;
  session.progress.progress_monitor = onProgress;
  info.progress = &session.progress;
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xffff);
  jpeg_save_markers(&info, JPEG_APP0 + 2, 0xffff);
  jpeg_mem_src(&info, const_cast<uint8_t*>(bytes), size);
}

bool begins(const jpeg_marker_struct& marker, const char* text, unsigned length) {
  return marker.data_length >= length && std::memcmp(marker.data, text, length) == 0;
}

// EXIF (a TIFF file behind "Exif\0\0"): upright, or silent about it. What is not understood counts as turned.
bool isUpright(const uint8_t* tiff, unsigned size) {
  if (size < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return false;
  const bool isLittle = tiff[0] == 'I';
  const auto word = [&](unsigned at) -> unsigned {
    return isLittle ? tiff[at + 1] << 8 | tiff[at] : tiff[at] << 8 | tiff[at + 1];
  };
  if (word(isLittle ? 6 : 4) != 0) return false;  // a segment has 64 KiB
  const unsigned directory = word(isLittle ? 4 : 6);
  if (directory + 2 > size) return false;
  const unsigned entries = word(directory);
  if (directory + 2 + 12 * entries > size) return false;
  for (unsigned i = 0; i < entries; i++) {
    const unsigned at = directory + 2 + 12 * i;
    if (word(at) == 0x0112) return word(at + 8) == 1;
  }
  return true;
}

// Grey, YCbCr or RGB of 8 bits, Huffman coded, upright, without a colour profile, and of a size to be expected.
bool isPlain(const jpeg_decompress_struct& info) {
  const J_COLOR_SPACE space = info.jpeg_color_space;
  if (space != JCS_GRAYSCALE && space != JCS_YCbCr && space != JCS_RGB) return false;
  if (info.data_precision != 8 || info.arith_code) return false;
  if (int64_t{info.image_width} * info.image_height > kMostPixels) return false;
  for (const jpeg_marker_struct* m = info.marker_list; m != nullptr; m = m->next) {
    if (m->marker == JPEG_APP0 + 2 && begins(*m, "ICC_PROFILE", 12)) return false;
    if (m->marker == JPEG_APP0 + 1 && begins(*m, "Exif\0", 6) && !isUpright(m->data + 6, m->data_length - 6))
      return false;
  }
  return true;
}

// The fractions for which libjpeg-turbo has vector instructions. 0: the file has too few pixels.
int chooseEighths(int64_t shorter, int64_t side) {
  if (shorter < side) return 0;
  for (const int eighths : {1, 2, 4})
    if (shorter * eighths >= 8 * kMargin * side) return eighths;
  return 8;
}

bool start(jpeg_decompress_struct& info, int64_t side, ReducedImage& image) {
  jpeg_read_header(&info, TRUE);
  if (!isPlain(info)) return false;
  image.fileWidth = static_cast<int>(info.image_width);
  image.fileHeight = static_cast<int>(info.image_height);
  image.eighths = chooseEighths(std::min(image.fileWidth, image.fileHeight), side);
  if (image.eighths == 0) return false;
  info.scale_num = image.eighths;
  info.scale_denom = 8;
  info.out_color_space = JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  image.width = static_cast<int>(info.output_width);
  image.height = static_cast<int>(info.output_height);
  const auto reduced = [&](int length) { return (int64_t{length} * image.eighths + 7) / 8; };
  // Lossless files, say, know no fractions.
  return image.width == reduced(image.fileWidth) && image.height == reduced(image.fileHeight) &&
         info.output_components == 3;
}

bool readRows(jpeg_decompress_struct& info, ReducedImage& image) {
  const size_t stride = size_t{3} * image.width;
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = image.rgb.data() + info.output_scanline * stride;
    jpeg_read_scanlines(&info, &row, 1);
  }
  return jpeg_finish_decompress(&info);
}

}  // namespace

const char* jpegLibrary() { return "libjpeg-turbo " GRAFT_JPEG; }

bool decodeJpeg(const uint8_t* bytes, size_t size, int64_t side, ReducedImage& image) {
  Session session;
  const bool isStarted = session.attempt([&] {
    open(session, bytes, size);
    return start(session.info, side, image);
  });
  if (!isStarted) return false;
  image.rgb.resize(size_t{3} * image.width * image.height);
  return session.attempt([&] { return readRows(session.info, image); });
}

}  // namespace graft

#else

namespace graft {

const char* jpegLibrary() { return nullptr; }

bool decodeJpeg(const uint8_t*, size_t, int64_t, ReducedImage&) { return false; }

}  // namespace graft

#endif
