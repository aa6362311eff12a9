// Typed arrays of JavaScript as plain memory, for functions that work on them without tensors.
#pragma once

#include <string>

#include "registry.h"

namespace graft {

template <typename T>
constexpr napi_typedarray_type kArrayType = napi_int8_array;
template <>
inline constexpr napi_typedarray_type kArrayType<int32_t> = napi_int32_array;
template <>
inline constexpr napi_typedarray_type kArrayType<float> = napi_float32_array;
template <>
inline constexpr napi_typedarray_type kArrayType<double> = napi_float64_array;

template <typename T>
struct Array {
  T* data;
  int64_t length;
  T& operator[](int64_t i) const { return data[i]; }
};

/// Of the argument at `index`; the array is JavaScript's own memory.
template <typename T>
Array<T> arrayOf(const Call& call, size_t index) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  check(call.env, napi_get_typedarray_info(call.env, call.arguments[index], &type, &length, &data, nullptr, nullptr));
  if (type != kArrayType<T>) throw std::invalid_argument("argument " + std::to_string(index) + ": another typed array");
  return {static_cast<T*>(data), static_cast<int64_t>(length)};
}

}  // namespace graft
