// Life, shape and contents of single tensors, and autograd.
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstring>
#include <memory>

#include "registry.h"

namespace graft {

namespace {

napi_value free(Call& call) {
  call.registry.free(call.number(0));
  return undefined(call.env);
}

napi_value live(Call& call) { return toNumber(call.env, static_cast<double>(call.registry.live())); }

/// shape(handle) → number of dimensions; sizes in the exchange.
napi_value shape(Call& call) {
  const auto sizes = call.registry.get(call.number(0)).sizes();
  for (size_t i = 0; i < sizes.size(); i++) call.registry.at(i) = static_cast<double>(sizes[i]);
  return toNumber(call.env, static_cast<double>(sizes.size()));
}

napi_value dtype(Call& call) {
  return toNumber(call.env, static_cast<double>(call.registry.get(call.number(0)).scalar_type()));
}

/// device(handle) → type * 256 + index + 1 (index −1: the current one).
napi_value device(Call& call) {
  const auto value = call.registry.get(call.number(0)).device();
  return toNumber(call.env, static_cast<double>((static_cast<int64_t>(value.type()) << 8) + value.index() + 1));
}

napi_value sizeBytes(Call& call) {
  return toNumber(call.env, static_cast<double>(call.registry.get(call.number(0)).nbytes()));
}

/// create(typed array, dtype, dimensions) with the sizes in the exchange: copies the array into a new CPU tensor.
napi_value create(Call& call) {
  napi_typedarray_type type;
  size_t length = 0, offset = 0;
  void* data = nullptr;
  napi_value buffer;
  check(call.env, napi_get_typedarray_info(call.env, call.arguments[0], &type, &length, &data, &buffer, &offset));
  const auto dtype = static_cast<at::ScalarType>(static_cast<int>(call.number(1)));
  std::vector<int64_t> sizes(static_cast<size_t>(call.number(2)));
  for (size_t i = 0; i < sizes.size(); i++) sizes[i] = static_cast<int64_t>(call.registry.at(i));
  at::Tensor tensor = at::empty(sizes, at::TensorOptions().dtype(dtype));
  static const size_t widths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  if (tensor.nbytes() != length * widths[type]) {
    throw std::invalid_argument("the data's length does not fit the shape and dtype: " + std::to_string(length) +
                                " elements given, " + std::to_string(tensor.numel()) + " needed");
  }
  std::memcpy(tensor.data_ptr(), data, tensor.nbytes());
  return toNumber(call.env, call.registry.put(std::move(tensor)));
}

/// read(handle) → ArrayBuffer with a contiguous copy.
napi_value read(Call& call) {
  const at::Tensor tensor = call.registry.get(call.number(0)).detach().cpu().contiguous();
  void* data = nullptr;
  napi_value buffer;
  check(call.env, napi_create_arraybuffer(call.env, tensor.nbytes(), &data, &buffer));
  std::memcpy(data, tensor.data_ptr(), tensor.nbytes());
  return buffer;
}

napi_value requiresGrad(Call& call) {
  return toBoolean(call.env, call.registry.get(call.number(0)).requires_grad());
}

napi_value setRequiresGrad(Call& call) {
  call.registry.get(call.number(0)).set_requires_grad(call.boolean(1));
  return undefined(call.env);
}

napi_value isLeaf(Call& call) { return toBoolean(call.env, call.registry.get(call.number(0)).is_leaf()); }

napi_value gradient(Call& call) {
  return toNumber(call.env, call.registry.put(call.registry.get(call.number(0)).grad()));
}

napi_value setGradient(Call& call) {
  const double source = call.number(1);
  call.registry.get(call.number(0)).mutable_grad() = source == 0 ? at::Tensor() : call.registry.get(source);
  return undefined(call.env);
}

/// setData(handle, other): the tensor takes over the other's storage, type and device (PyTorch's `.data =`).
napi_value setData(Call& call) {
  call.registry.get(call.number(0)).set_data(call.registry.get(call.number(1)));
  return undefined(call.env);
}

/// setGradMode(enabled) → what it was.
napi_value setGradMode(Call& call) {
  const bool before = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(call.boolean(0));
  return toBoolean(call.env, before);
}

std::vector<at::Tensor> tensors(Registry& registry, size_t& position) {
  std::vector<at::Tensor> result(static_cast<size_t>(registry.at(position++)));
  for (auto& tensor : result) {
    const double handle = registry.at(position++);
    if (handle != 0) tensor = registry.get(handle);
  }
  return result;
}

/// backward(retainGraph, createGraph): exchange holds roots, their gradients, and the inputs (none = all leaves).
napi_value backward(Call& call) {
  size_t position = 0;
  const auto roots = tensors(call.registry, position);
  const auto gradients = tensors(call.registry, position);
  const auto inputs = tensors(call.registry, position);
  torch::autograd::backward(roots, gradients, call.boolean(0), call.boolean(1), inputs);
  return undefined(call.env);
}

/// grad(retainGraph, createGraph, allowUnused): exchange as for backward; the gradients come back in it.
napi_value grad(Call& call) {
  size_t position = 0;
  const auto roots = tensors(call.registry, position);
  const auto gradients = tensors(call.registry, position);
  const auto inputs = tensors(call.registry, position);
  const auto results = torch::autograd::grad(roots, inputs, gradients, call.boolean(0), call.boolean(1), call.boolean(2));
  for (size_t i = 0; i < results.size(); i++) call.registry.at(i) = call.registry.put(results[i]);
  return undefined(call.env);
}

/// A batch gathered on a worker thread: the loader's prefetch.
struct Gather {
  at::Tensor source, indices, result;
  std::string error;
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
};

void gatherExecute(napi_env, void* data) {
  auto& gather = *static_cast<Gather*>(data);
  try {
    gather.result = at::index_select(gather.source, 0, gather.indices);
  } catch (const std::exception& error) {
    gather.error = firstLines(error.what());
  }
}

void gatherComplete(napi_env env, napi_status status, void* data) {
  std::unique_ptr<Gather> gather(static_cast<Gather*>(data));
  napi_value value = nullptr;
  if (status == napi_ok && gather->error.empty()) {
    void* registry = nullptr;
    napi_get_instance_data(env, &registry);
    napi_create_double(env, static_cast<Registry*>(registry)->put(std::move(gather->result)), &value);
    napi_resolve_deferred(env, gather->deferred, value);
  } else {
    napi_value message;
    const std::string text = gather->error.empty() ? "cancelled" : gather->error;
    napi_create_string_utf8(env, text.data(), text.size(), &message);
    napi_create_error(env, nullptr, message, &value);
    napi_reject_deferred(env, gather->deferred, value);
  }
  napi_delete_async_work(env, gather->work);
}

/// gatherRows(source, indices) → Promise of the handle of source[indices], read on a worker thread.
napi_value gatherRows(Call& call) {
  auto gather = std::make_unique<Gather>();
  gather->source = call.registry.get(call.number(0));
  gather->indices = call.registry.get(call.number(1));
  napi_value promise;
  check(call.env, napi_create_promise(call.env, &gather->deferred, &promise));
  check(call.env, napi_create_async_work(call.env, nullptr, toString(call.env, "graft:gather"), gatherExecute,
                                         gatherComplete, gather.get(), &gather->work));
  check(call.env, napi_queue_async_work(call.env, gather->work));
  gather.release();
  return promise;
}

/// adjustMemory(bytes): tells the garbage collector of tensors that no scope owns.
napi_value adjustMemory(Call& call) {
  int64_t total = 0;
  check(call.env, napi_adjust_external_memory(call.env, static_cast<int64_t>(call.number(0)), &total));
  return undefined(call.env);
}

}  // namespace

std::vector<Method> tensorMethods() {
  return {
      {"free", method<free>},
      {"live", method<live>},
      {"shape", method<shape>},
      {"dtype", method<dtype>},
      {"device", method<device>},
      {"sizeBytes", method<sizeBytes>},
      {"create", method<create>},
      {"read", method<read>},
      {"requiresGrad", method<requiresGrad>},
      {"setRequiresGrad", method<setRequiresGrad>},
      {"isLeaf", method<isLeaf>},
      {"gradient", method<gradient>},
      {"setGradient", method<setGradient>},
      {"setData", method<setData>},
      {"setGradMode", method<setGradMode>},
      {"backward", method<backward>},
      {"grad", method<grad>},
      {"gatherRows", method<gatherRows>},
      {"adjustMemory", method<adjustMemory>},
  };
}

}  // namespace graft
