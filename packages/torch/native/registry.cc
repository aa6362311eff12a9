#include "registry.h"

#include <c10/util/Exception.h>

namespace graft {

namespace {
constexpr int64_t kSlotMask = (int64_t{1} << kSlotBits) - 1;
// A handle must stay an exact double: 22 bits of slot and 31 of generation. A busy slot wraps after hours; a handle
// would have to be two thousand million generations old to be taken for a new one.
constexpr int64_t kGenerations = int64_t{1} << (53 - kSlotBits);
}

double Registry::put(at::Tensor tensor) {
  if (!tensor.defined()) return 0;
  int64_t index;
  if (free_.empty()) {
    index = static_cast<int64_t>(slots_.size());
    if (index > kSlotMask) throw std::runtime_error("more than 4 million live tensors: a scope is missing (tidy)");
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.tensor = std::move(tensor);
  slot.used = true;
  live_++;
  return static_cast<double>(slot.generation * (kSlotMask + 1) + index);
}

Registry::Slot& Registry::slot(double handle) {
  const auto bits = static_cast<int64_t>(handle);
  const auto index = bits & kSlotMask;
  if (handle > 0 && index < static_cast<int64_t>(slots_.size())) {
    Slot& slot = slots_[index];
    if (slot.used && slot.generation == bits >> kSlotBits) return slot;
  }
  throw FreedHandle("a tensor was used after it, or the scope that owned it, was disposed");
}

at::Tensor& Registry::get(double handle) { return slot(handle).tensor; }

void Registry::free(double handle) {
  Slot& found = slot(handle);
  found.tensor = at::Tensor();
  found.used = false;
  found.generation = found.generation % (kGenerations - 1) + 1;
  free_.push_back(static_cast<int64_t>(handle) & kSlotMask);
  live_--;
}

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw std::runtime_error(info && info->error_message ? info->error_message : "Node-API call failed");
}

namespace {
Registry& registryOf(napi_env env) {
  void* data = nullptr;
  check(env, napi_get_instance_data(env, &data));
  return *static_cast<Registry*>(data);
}
}  // namespace

Call::Call(napi_env env, napi_callback_info info) : env(env), registry(registryOf(env)) {
  size_t count = sizeof arguments / sizeof *arguments;
  check(env, napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr));
}

double Call::number(size_t index) const {
  double value = 0;
  check(env, napi_get_value_double(env, arguments[index], &value));
  return value;
}

bool Call::boolean(size_t index) const {
  bool value = false;
  check(env, napi_get_value_bool(env, arguments[index], &value));
  return value;
}

std::string Call::string(size_t index) const {
  size_t length = 0;
  check(env, napi_get_value_string_utf8(env, arguments[index], nullptr, 0, &length));
  std::string value(length, '\0');
  check(env, napi_get_value_string_utf8(env, arguments[index], value.data(), length + 1, &length));
  return value;
}

napi_value toNumber(napi_env env, double value) {
  napi_value result;
  check(env, napi_create_double(env, value, &result));
  return result;
}

napi_value toString(napi_env env, const std::string& value) {
  napi_value result;
  check(env, napi_create_string_utf8(env, value.data(), value.size(), &result));
  return result;
}

napi_value toBoolean(napi_env env, bool value) {
  napi_value result;
  check(env, napi_get_boolean(env, value, &result));
  return result;
}

napi_value undefined(napi_env env) {
  napi_value result;
  check(env, napi_get_undefined(env, &result));
  return result;
}

std::string firstLines(const std::string& message) {
  const auto end = message.find("\nException raised from");
  std::string text = message.substr(0, end);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

napi_value guarded(napi_env env, napi_callback_info info, napi_value (*body)(Call&)) {
  try {
    Call call(env, info);
    return body(call);
  } catch (const FreedHandle& error) {
    napi_throw_error(env, "FREED", error.what());
  } catch (const c10::Error& error) {
    napi_throw_error(env, "TORCH", firstLines(error.what_without_backtrace()).c_str());
  } catch (const std::exception& error) {
    napi_throw_error(env, "TORCH", firstLines(error.what()).c_str());
  }
  return nullptr;
}

}  // namespace graft
