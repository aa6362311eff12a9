// The table of live tensors, and the few Node-API helpers that every file here needs.
//
// JavaScript holds tensors as numbers: handle = generation * 2^22 + slot. A slot's generation grows whenever the
// slot is freed, so a handle that outlived its tensor is recognised and never reaches another tensor. Zero is "no
// tensor". Arguments and results travel through one Float64Array shared with JavaScript (`exchange`), which is
// what makes a call cheap: no object is created for it.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <node_api.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#if __has_include(<torch/headeronly/version.h>)
#include <torch/headeronly/version.h>
#else
#include <torch/csrc/api/include/torch/version.h>
#endif

namespace graft {

#if TORCH_VERSION_MAJOR >= 2
template <typename T>
using Optional = std::optional<T>;
#else
template <typename T>
using Optional = c10::optional<T>;
#endif

/// A handle whose tensor was disposed; becomes UseAfterFreeError in JavaScript.
struct FreedHandle : std::runtime_error {
  using std::runtime_error::runtime_error;
};

constexpr int64_t kSlotBits = 22;
constexpr size_t kExchangeSize = 1 << 16;

struct Operator;  // dispatch.cc

/// Everything one JavaScript environment owns; a worker thread has its own.
class Registry {
 public:
  double put(at::Tensor tensor);
  at::Tensor& get(double handle);
  void free(double handle);
  int64_t live() const { return live_; }

  /// Bound-checked access to the shared array.
  double& at(size_t position) {
    if (position >= kExchangeSize) throw std::out_of_range("too many arguments for one call");
    return exchange[position];
  }

  double* exchange = nullptr;
  std::vector<std::shared_ptr<Operator>> operators;
  std::vector<at::Generator> generators;

 private:
  struct Slot {
    at::Tensor tensor;
    int64_t generation = 1;
    bool used = false;
  };
  Slot& slot(double handle);
  std::vector<Slot> slots_;
  std::vector<int64_t> free_;
  int64_t live_ = 0;
};

/// The arguments of a callback, and the registry of its environment.
struct Call {
  Call(napi_env env, napi_callback_info info);
  double number(size_t index) const;
  bool boolean(size_t index) const;
  std::string string(size_t index) const;

  napi_env env;
  Registry& registry;
  napi_value arguments[8];
};

void check(napi_env env, napi_status status);
napi_value toNumber(napi_env env, double value);
napi_value toString(napi_env env, const std::string& value);
napi_value toBoolean(napi_env env, bool value);
napi_value undefined(napi_env env);

/// Runs a callback and turns every C++ exception into a JavaScript one; `Body` is `napi_value(Call&)`.
napi_value guarded(napi_env env, napi_callback_info info, napi_value (*body)(Call&));

template <napi_value (*Body)(Call&)>
napi_value method(napi_env env, napi_callback_info info) {
  return guarded(env, info, Body);
}

struct Method {
  const char* name;
  napi_callback callback;
};

/// The first line of a libtorch message, without its C++ backtrace.
std::string firstLines(const std::string& message);

std::vector<Method> dispatchMethods();
std::vector<Method> tensorMethods();
std::vector<Method> engineMethods();
std::vector<Method> scriptMethods();
std::vector<Method> autocastMethods();
std::vector<Method> imageMethods();
std::vector<Method> nearMethods();
std::vector<Method> sieveMethods();

}  // namespace graft
