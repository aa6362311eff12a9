// Mixed precision: at::autocast, which casts the arguments of convolutions and matrix products to a 16-bit type and
// keeps sums, norms and losses in float32. Its state is the thread's; `src/torch/autocast.ts` makes scopes of it.
#include <ATen/autocast_mode.h>

#include "registry.h"

namespace graft {
namespace {

// 2.4 replaced a pair of functions for each device type by one that is told the type.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
bool isEnabled(c10::DeviceType type) { return at::autocast::is_autocast_enabled(type); }
at::ScalarType dtypeOf(c10::DeviceType type) { return at::autocast::get_autocast_dtype(type); }
void set(c10::DeviceType type, bool enabled, at::ScalarType dtype) {
  at::autocast::set_autocast_enabled(type, enabled);
  at::autocast::set_autocast_dtype(type, dtype);
}
#else
bool isCpu(c10::DeviceType type) { return type == c10::DeviceType::CPU; }
bool isEnabled(c10::DeviceType type) {
  return isCpu(type) ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
}
at::ScalarType dtypeOf(c10::DeviceType type) {
  return isCpu(type) ? at::autocast::get_autocast_cpu_dtype() : at::autocast::get_autocast_gpu_dtype();
}
void set(c10::DeviceType type, bool enabled, at::ScalarType dtype) {
  if (isCpu(type)) {
    at::autocast::set_cpu_enabled(enabled);
    at::autocast::set_autocast_cpu_dtype(dtype);
  } else {
    at::autocast::set_enabled(enabled);
    at::autocast::set_autocast_gpu_dtype(dtype);
  }
}
#endif

c10::DeviceType deviceType(Call& call) {
  const auto type = static_cast<c10::DeviceType>(static_cast<int>(call.number(0)));
  if (type != c10::DeviceType::CPU && type != c10::DeviceType::CUDA)
    throw std::invalid_argument("autocast: expected the device type cpu or cuda");
  return type;
}

/// autocastDtype(device type) → code of the dtype that is cast to, −1 outside of autocast.
napi_value autocastDtype(Call& call) {
  const c10::DeviceType type = deviceType(call);
  return toNumber(call.env, isEnabled(type) ? static_cast<double>(dtypeOf(type)) : -1);
}

/// setAutocast(device type, dtype code or −1): switches it on or off for what follows in this thread.
napi_value setAutocast(Call& call) {
  const c10::DeviceType type = deviceType(call);
  const int code = static_cast<int>(call.number(1));
  set(type, code >= 0, code >= 0 ? static_cast<at::ScalarType>(code) : dtypeOf(type));
  return undefined(call.env);
}

/// clearAutocastCache(): drops the casts of weights that were kept for the next use; they hold memory, and are
/// wrong as soon as an optimiser has changed the weights.
napi_value clearAutocastCache(Call& call) {
  at::autocast::clear_cache();
  return undefined(call.env);
}

}  // namespace

std::vector<Method> autocastMethods() {
  return {
      {"autocastDtype", method<autocastDtype>},
      {"setAutocast", method<setAutocast>},
      {"clearAutocastCache", method<clearAutocastCache>},
  };
}

}  // namespace graft
