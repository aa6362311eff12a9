// Images without tensors: squares from JPEGs, on Node's worker threads, while the main thread goes on.
#include <algorithm>
#include <memory>

#include "registry.h"
#include "square.h"

namespace graft {
namespace {

constexpr int64_t kMostSide = 4096;

struct Squaring {
  std::vector<uint8_t> bytes, pixels;
  int64_t side;
  bool isWhole;
  bool isMade = false;
  std::string error;
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
};

void squareExecute(napi_env, void* data) {
  auto& s = *static_cast<Squaring*>(data);
  try {
    thread_local std::unique_ptr<Squarer> squarer;
    if (!squarer || !squarer->is(s.side, s.isWhole)) squarer = std::make_unique<Squarer>(s.side, s.isWhole);
    s.pixels.resize(3 * s.side * s.side);
    s.isMade = squarer->make(s.bytes.data(), s.bytes.size(), s.pixels.data());
  } catch (const std::exception& error) {
    s.error = error.what();
  }
}

void squareComplete(napi_env env, napi_status status, void* data) {
  std::unique_ptr<Squaring> s(static_cast<Squaring*>(data));
  napi_value value = nullptr;
  if (status == napi_ok && s->error.empty()) {
    void* memory = nullptr;
    if (s->isMade && napi_create_arraybuffer(env, s->pixels.size(), &memory, &value) == napi_ok)
      std::copy(s->pixels.begin(), s->pixels.end(), static_cast<uint8_t*>(memory));
    else
      napi_get_null(env, &value);
    napi_resolve_deferred(env, s->deferred, value);
  } else {
    napi_value message;
    const std::string text = s->error.empty() ? "cancelled" : s->error;
    napi_create_string_utf8(env, text.data(), text.size(), &message);
    napi_create_error(env, nullptr, message, &value);
    napi_reject_deferred(env, s->deferred, value);
  }
  napi_delete_async_work(env, s->work);
}

/// jpegSquare(bytes, side, whole) → Promise of RGB [3, side, side], or of null where another decoder has to do it.
napi_value jpegSquare(Call& call) {
  napi_typedarray_type type;
  size_t length = 0;
  void* bytes = nullptr;
  check(call.env, napi_get_typedarray_info(call.env, call.arguments[0], &type, &length, &bytes, nullptr, nullptr));
  if (type != napi_uint8_array) throw std::invalid_argument("jpegSquare: expected a Uint8Array");
  auto s = std::make_unique<Squaring>();
  s->side = static_cast<int64_t>(call.number(1));
  s->isWhole = call.boolean(2);
  if (s->side < 1 || s->side > kMostSide) throw std::invalid_argument("jpegSquare: the side must be 1 to 4096 px");
  const auto* first = static_cast<const uint8_t*>(bytes);
  s->bytes.assign(first, first + length);  // a buffer of JavaScript's may be moved away meanwhile
  napi_value promise;
  check(call.env, napi_create_promise(call.env, &s->deferred, &promise));
  check(call.env, napi_create_async_work(call.env, nullptr, toString(call.env, "graft:jpeg"), squareExecute,
                                         squareComplete, s.get(), &s->work));
  check(call.env, napi_queue_async_work(call.env, s->work));
  s.release();
  return promise;
}

/// jpegLibrary() → name and version of what jpegSquare decodes with; undefined: built without, it takes no file.
napi_value library(Call& call) {
  const char* name = jpegLibrary();
  return name == nullptr ? undefined(call.env) : toString(call.env, name);
}

}  // namespace

std::vector<Method> imageMethods() {
  return {{"jpegSquare", method<jpegSquare>}, {"jpegLibrary", method<library>}};
}

}  // namespace graft
