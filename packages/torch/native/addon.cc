// Entry of the addon: one registry for each JavaScript environment, the shared array, and the list of functions.
#include <ATen/Context.h>

#include "registry.h"

#if defined(__GLIBC__)
#include <malloc.h>

#include <climits>
#endif

namespace graft {
namespace {

/// A training step frees and asks for the same tensors again. By default glibc gives large blocks back to the system
/// each time, and a step pays thousands of page faults for fresh zeroed pages.
void keepFreedMemory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc allows
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  mallopt(M_MMAP_MAX, 0);  // larger ones too: they are the feature maps of wide layers
#endif
}

/// libtorch's defaults let cuDNN round float32 to TF32, and choose algorithms whose sums come in any order: here float32
/// is float32 unless TF32 is asked for, and the same run gives the same weights.
void sayWhatIsComputed() {
  auto& context = at::globalContext();
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(true);
}

napi_value init(napi_env env, napi_value exports) {
  keepFreedMemory();
  sayWhatIsComputed();
  auto* registry = new Registry();
  registry->generators.push_back(at::globalContext().defaultGenerator(c10::Device(c10::DeviceType::CPU)));
  check(env, napi_set_instance_data(
                 env, registry, [](napi_env, void* data, void*) { delete static_cast<Registry*>(data); }, nullptr));

  void* memory = nullptr;
  napi_value buffer, exchange;
  check(env, napi_create_arraybuffer(env, kExchangeSize * sizeof(double), &memory, &buffer));
  registry->exchange = static_cast<double*>(memory);
  check(env, napi_create_typedarray(env, napi_float64_array, kExchangeSize, buffer, 0, &exchange));
  check(env, napi_set_named_property(env, exports, "exchange", exchange));

  for (const auto& methods : {dispatchMethods(), tensorMethods(), engineMethods(), autocastMethods(), scriptMethods(),
                              imageMethods(), nearMethods(), sieveMethods()}) {
    for (const auto& method : methods) {
      napi_value function;
      check(env, napi_create_function(env, method.name, NAPI_AUTO_LENGTH, method.callback, nullptr, &function));
      check(env, napi_set_named_property(env, exports, method.name, function));
    }
  }
  return exports;
}

}  // namespace
}  // namespace graft

NAPI_MODULE(graft, graft::init)
