// What belongs to the engine as a whole: random state, threads, devices, versions.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>

#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#endif

#include <mutex>
#include <sstream>

#include "registry.h"

// Of CUDA's runtime, which a libtorch with CUDA brings along: null where there is none.
#if defined(__GLIBC__)
extern "C" __attribute__((weak)) int cudaMemGetInfo(size_t* free, size_t* total);
#else
static constexpr int (*cudaMemGetInfo)(size_t*, size_t*) = nullptr;
#endif

namespace graft {

namespace {

at::Generator& generator(Call& call) { return call.registry.generators.at(static_cast<size_t>(call.number(0))); }

napi_value manualSeed(Call& call) {
  at::manual_seed(static_cast<uint64_t>(call.number(0)));
  return undefined(call.env);
}

/// defaultGenerator(device type, index) → id. CPU's is 0.
napi_value defaultGenerator(Call& call) {
  const c10::Device device(static_cast<c10::DeviceType>(static_cast<int>(call.number(0))),
                           static_cast<c10::DeviceIndex>(call.number(1)));
  call.registry.generators.push_back(at::globalContext().defaultGenerator(device));
  return toNumber(call.env, static_cast<double>(call.registry.generators.size() - 1));
}

/// newGenerator(seed) → id of a CPU generator of its own.
napi_value newGenerator(Call& call) {
  call.registry.generators.push_back(at::detail::createCPUGenerator(static_cast<uint64_t>(call.number(0))));
  return toNumber(call.env, static_cast<double>(call.registry.generators.size() - 1));
}

napi_value generatorState(Call& call) {
  at::Generator& source = generator(call);
  const std::lock_guard<std::mutex> lock(source.mutex());
  return toNumber(call.env, call.registry.put(source.get_state()));
}

napi_value setGeneratorState(Call& call) {
  at::Generator& target = generator(call);
  const std::lock_guard<std::mutex> lock(target.mutex());
  target.set_state(call.registry.get(call.number(1)));
  return undefined(call.env);
}

/// A function of OpenBLAS, where that is the library that multiplies matrices; null elsewhere.
template <typename Function>
Function* openBlas([[maybe_unused]] const char* name) {
#if defined(__unix__) || defined(__APPLE__)
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
#else
  return nullptr;
#endif
}

/// OpenBLAS has threads of its own, which libtorch does not know of: left alone, it takes every core (or what
/// OPENBLAS_NUM_THREADS says), and the last bits of a product hang on the machine whatever was asked for.
void setAllThreads(int count) {
  at::set_num_threads(count);
  if (auto* set = openBlas<void(int)>("openblas_set_num_threads")) set(count);
}

napi_value setThreads(Call& call) {
  setAllThreads(static_cast<int>(call.number(0)));
  return undefined(call.env);
}

/// The processor that OpenBLAS's kernels were chosen for; "" where another library multiplies matrices.
std::string blasKernels() {
  auto* name = openBlas<char*()>("openblas_get_corename");
  return name == nullptr ? "" : name();
}

napi_value threads(Call& call) { return toNumber(call.env, at::get_num_threads()); }

/// synchronize(): waits for a CUDA device's queue, so that a clock read after it means something.
napi_value synchronize(Call& call) {
  if (at::hasCUDA()) at::detail::getCUDAHooks().deviceSynchronize(static_cast<int64_t>(call.number(0)));
  return undefined(call.env);
}

/// cudaMemory(): free and all bytes of the current CUDA device into the exchange → whether there is one. Whoever uses the
/// device is counted.
napi_value cudaMemory(Call& call) {
  size_t free = 0, total = 0;
  const bool known = at::hasCUDA() && at::detail::getCUDAHooks().getNumGPUs() > 0 && cudaMemGetInfo != nullptr &&
                     cudaMemGetInfo(&free, &total) == 0;
  call.registry.at(0) = static_cast<double>(free);
  call.registry.at(1) = static_cast<double>(total);
  return toBoolean(call.env, known);
}

/// setTf32(allowed): whether CUDA's convolutions and matrix products of float32 may round their factors to TF32.
napi_value setTf32(Call& call) {
  at::globalContext().setAllowTF32CuDNN(call.boolean(0));
  at::globalContext().setAllowTF32CuBLAS(call.boolean(0));
  return undefined(call.env);
}

std::string jsonText(const std::string& text) {
  std::ostringstream out;
  out << '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out << '\\' << c;
    else if (c == '\n') out << "\\n";
    else if (static_cast<unsigned char>(c) < 0x20) out << ' ';
    else out << c;
  }
  out << '"';
  return out.str();
}

/// info() → JSON: versions, devices, threads, build.
napi_value info(Call& call) {
  const auto& context = at::globalContext();
  std::ostringstream out;
  out << std::boolalpha << "{\"libtorch\":" << jsonText(TORCH_VERSION) << ",\"cuda\":" << at::hasCUDA()
      << ",\"cudaDevices\":" << (at::hasCUDA() ? at::detail::getCUDAHooks().getNumGPUs() : 0)
      << ",\"mps\":" << at::hasMPS() << ",\"mkldnn\":" << context.hasMKLDNN() << ",\"mkl\":" << context.hasMKL()
      << ",\"openmp\":" << context.hasOpenMP() << ",\"lapack\":" << context.hasLAPACK()
      << ",\"threads\":" << at::get_num_threads() << ",\"interopThreads\":" << at::get_num_interop_threads()
      << ",\"mkldnnVersion\":" << jsonText(at::get_mkldnn_version())
      << ",\"blasKernels\":" << jsonText(blasKernels())
      << ",\"parallelInfo\":" << jsonText(at::get_parallel_info())
      << ",\"buildConfig\":" << jsonText(at::show_config()) << "}";
  return toString(call.env, out.str());
}

}  // namespace

std::vector<Method> engineMethods() {
  return {
      {"manualSeed", method<manualSeed>},
      {"defaultGenerator", method<defaultGenerator>},
      {"newGenerator", method<newGenerator>},
      {"generatorState", method<generatorState>},
      {"setGeneratorState", method<setGeneratorState>},
      {"setThreads", method<setThreads>},
      {"threads", method<threads>},
      {"synchronize", method<synchronize>},
      {"cudaMemory", method<cudaMemory>},
      {"setTf32", method<setTf32>},
      {"info", method<info>},
  };
}

}  // namespace graft
